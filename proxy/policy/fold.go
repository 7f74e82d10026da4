package policy

import (
	"strings"
	"unicode"
)

// lookAlikes are the letters that pass for an ASCII one in most fonts: those of UTS #39's confusables whose scripts
// occur in names of packages. What they pass for is in lower case.
var lookAlikes = map[rune]rune{
	'0': 'o', '1': 'l', '|': 'l',
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm', 'н': 'h',
	'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', // Cyrillic
	'α': 'a', 'ε': 'e', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', // Greek
	'օ': 'o', 'ս': 'u', 'հ': 'h', 'ո': 'n', 'ց': 'g', // Armenian
	'ı': 'i', 'ɑ': 'a', 'ɡ': 'g', 'ſ': 's', // Latin
}

// fold maps names that a person takes for each other to the same text: letter case, runs of "-", "." and "_", full-width
// forms and look-alikes make no difference.
func fold(s string) string {
	if folded(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' { // full-width ASCII
			r -= '！' - '!'
		}
		r = unicode.ToLower(unicode.ToUpper(r)) // by way of the capital, since some letters share one
		if plain, ok := lookAlikes[r]; ok {
			return plain
		}
		return r
	}, s)
	return separated(s, '.')
}

// folded reports whether fold would change nothing: so it is with most names, and costs nothing then.
func folded(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || '2' <= c && c <= '9' || c == '/' || c == '@') {
			return false
		}
	}
	return true
}

// separated writes each run of "-", "." and "_" as one sep.
func separated(s string, sep rune) string {
	var b strings.Builder
	run := false
	for _, r := range s {
		if r == '-' || r == '.' || r == '_' {
			if !run {
				b.WriteRune(sep)
			}
			run = true
			continue
		}
		run = false
		b.WriteRune(r)
	}
	return b.String()
}
