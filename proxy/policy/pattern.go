package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"entrepot/cache"
)

// maxPattern is the service's limit, in bytes.
const maxPattern = 520

// level says how far down a pattern reaches; each is more specific than those before it.
type level uint8

const (
	everything      level = iota // /*
	ofFormat                     // /npm/*
	namespacePrefix              // /maven/com.acme~
	ofNamespace                  // /npm/acme/*
	namePrefix                   // /npm/acme/ui~
	ofName                       // /npm/acme/ui$
)

// Pattern is the pattern of a package group: a set of packages. Two patterns are nested or have nothing in common.
// The zero value is "/*".
type Pattern struct {
	level                   level
	format, namespace, name string // as far as the level reaches; prefixes for the prefix levels
	weakNamespace, weakName string // folded
}

// Strength says how a pattern matches.
type Strength uint8

// The strengths of a match.
const (
	NoMatch Strength = iota
	Weak             // but for letter case, separators or look-alikes: whoever chose the name wants to be mistaken
	Strong
)

// ParsePattern reads a pattern in one of the service's forms: /*, /FORMAT/*, /FORMAT/NAMESPACE~, /FORMAT/NAMESPACE/*,
// /FORMAT/NAMESPACE/NAME~ and /FORMAT/NAMESPACE/NAME$. The namespace may be empty (/npm//react$). "~" ends a prefix on
// a word boundary: foo~ has foo and foo-bar, and not food. Names may have slashes in them (/go//host.example/module~).
func ParsePattern(s string) (Pattern, error) {
	p, err := parsePattern(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("package group pattern %q: %w", strings.ToValidUTF8(s[:min(len(s), maxPattern)], "?"), err)
	}
	p.weakNamespace, p.weakName = fold(p.namespace), fold(p.name)
	return p, nil
}

func parsePattern(s string) (Pattern, error) {
	if len(s) > maxPattern || !utf8.ValidString(s) {
		return Pattern{}, fmt.Errorf("longer than %d bytes, or not UTF-8", maxPattern)
	}
	rest, ok := strings.CutPrefix(s, "/")
	if !ok {
		return Pattern{}, errors.New(`it begins with "/"`)
	}
	if rest == "*" {
		return Pattern{}, nil
	}
	if strings.Contains(strings.TrimSuffix(rest, "/*"), "*") {
		return Pattern{}, errors.New(`"*" stands alone, at the end, for all formats, or all of a format or namespace`)
	}
	format, rest, ok := strings.Cut(rest, "/")
	if format == "python" { // as the service's documentation spells it
		format = "pypi"
	}
	if !ok || format == "" || strings.Trim(format, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return Pattern{}, errors.New("after the format, lower-case letters and digits, comes /*, or a namespace, which may be empty")
	}
	p := Pattern{level: ofFormat, format: format}
	if rest == "*" {
		return p, nil
	}
	namespace, name, named := strings.Cut(rest, "/")
	p.namespace = normal(format, namespace)
	if !named {
		prefix, ok := strings.CutSuffix(p.namespace, "~")
		if !ok || prefix == "" {
			return Pattern{}, errors.New(`after a namespace comes "~" or /*`)
		}
		p.level, p.namespace = namespacePrefix, prefix
		return p, nil
	}
	return p.parseName(normal(format, name))
}

func (p Pattern) parseName(name string) (Pattern, error) {
	if name == "*" {
		p.level = ofNamespace
		return p, nil
	}
	if strings.HasSuffix(name, "/*") {
		return Pattern{}, errors.New(`"*" stands for all of a namespace; a part of one ends in "~"`)
	}
	if prefix, ok := strings.CutSuffix(name, "~"); ok && prefix != "" {
		p.level, p.name = namePrefix, prefix
		return p, nil
	}
	if exact, ok := strings.CutSuffix(name, "$"); ok && exact != "" {
		p.level, p.name = ofName, exact
		return p, nil
	}
	return Pattern{}, errors.New(`a name ends in "$" (this one) or "~" (all that begin so)`)
}

// normal brings a segment into the format's normal form, which is what packages come in.
func normal(format, s string) string {
	switch format {
	case "nuget", "swift":
		return strings.ToLower(s)
	case "pypi": // PEP 503
		return strings.ToLower(separated(s, '-'))
	}
	return s
}

// String returns the pattern as it is written.
func (p Pattern) String() string {
	switch p.level {
	case everything:
		return "/*"
	case ofFormat:
		return "/" + p.format + "/*"
	case namespacePrefix:
		return "/" + p.format + "/" + p.namespace + "~"
	case ofNamespace:
		return "/" + p.format + "/" + p.namespace + "/*"
	case namePrefix:
		return "/" + p.format + "/" + p.namespace + "/" + p.name + "~"
	}
	return "/" + p.format + "/" + p.namespace + "/" + p.name + "$"
}

// Match reports whether, and how, the pattern has the package.
func (p Pattern) Match(pkg cache.Package) Strength {
	return p.match(subject{Package: pkg, weakNamespace: fold(pkg.Namespace), weakName: fold(pkg.Name)})
}

// subject is a package with its names folded.
type subject struct {
	cache.Package
	weakNamespace, weakName string
}

func (p *Pattern) match(s subject) Strength {
	if p.level != everything && p.format != s.Format {
		return NoMatch
	}
	if p.level.has(p.namespace, p.name, s.Namespace, s.Name) {
		return Strong
	}
	if p.level.has(p.weakNamespace, p.weakName, s.weakNamespace, s.weakName) {
		return Weak
	}
	return NoMatch
}

// has reports whether a pattern of the format, with that namespace and name, has the other.
func (l level) has(namespace, name, otherNamespace, otherName string) bool {
	switch l {
	case namespacePrefix:
		return beginsWith(otherNamespace, namespace)
	case ofNamespace:
		return otherNamespace == namespace
	case namePrefix:
		return otherNamespace == namespace && beginsWith(otherName, name)
	case ofName:
		return otherNamespace == namespace && otherName == name
	}
	return true
}

// covers reports whether p has everything that q has, and is not q.
func (p *Pattern) covers(q *Pattern) bool {
	if p.level == everything || q.level == everything {
		return p.level == everything && q.level != everything
	}
	return p.format == q.format && p.level <= q.level && *p != *q && p.level.has(p.namespace, p.name, q.namespace, q.name)
}

// compare orders patterns that have a package in common: the more specific one is greater.
func (p *Pattern) compare(q *Pattern) int {
	if p.level != q.level {
		return int(p.level) - int(q.level)
	}
	return len(p.weakNamespace) + len(p.weakName) - len(q.weakNamespace) - len(q.weakName)
}

// beginsWith reports whether s begins with prefix and goes on, if at all, with another word. A word is a letter or
// digit with the letters, digits and marks that follow it.
func beginsWith(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || rest == "" {
		return ok
	}
	before, _ := utf8.DecodeLastRuneInString(prefix)
	after, _ := utf8.DecodeRuneInString(rest)
	return !inWord(before) || !inWord(after)
}

func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }
