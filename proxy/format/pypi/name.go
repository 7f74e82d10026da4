package pypi

import (
	"strings"

	"entrepot/cache"
)

// maxName is the service's limit; registries hold none longer than 80.
const maxName = 255

// project names a package.
func project(normalised string) cache.Package { return cache.Package{Format: name, Name: normalised} }

// registryWide stands for what is about no project, in the engine's decisions.
var registryWide = cache.Package{Format: name}

// validName reports whether s is a project's name (PEP 508): letters, digits, and between them ".", "-" and "_".
func validName(s string) bool {
	if s == "" || len(s) > maxName || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) && s[i] != '.' && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// normalise returns the normal form of a project's name (PEP 503): lower case, with one "-" for each run of ".", "-" and
// "_".
func normalise(s string) string {
	if normal(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' || c == '-' || c == '_':
			if n := len(b); n == 0 || b[n-1] != '-' {
				b = append(b, '-')
			}
		case c >= 'A' && c <= 'Z':
			b = append(b, c+'a'-'A')
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// normal reports whether s is a project's name in normal form.
func normal(s string) bool {
	return validName(s) && !strings.ContainsAny(s, "._ABCDEFGHIJKLMNOPQRSTUVWXYZ") && !strings.Contains(s, "--")
}
