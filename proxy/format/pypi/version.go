package pypi

import (
	"regexp"
	"strings"

	"deps.dev/util/semver"
)

// maxVersion is the service's limit.
const maxVersion = 255

// pep440 is PEP 440's own expression (appendix B), without the white space around.
var pep440 = regexp.MustCompile(`(?i)^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
	`(?:[-_.]?(alpha|beta|preview|pre|a|b|c|rc)[-_.]?([0-9]*))?` +
	`(?:-([0-9]+)|([-_.]?(?:post|rev|r)[-_.]?([0-9]*)))?` +
	`([-_.]?dev[-_.]?([0-9]*))?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

// spellings are the normal forms of the words for a pre-release.
var spellings = map[string]string{"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}

// normaliseVersion returns the normal form of a version (PEP 440, "Normalization"), in which zeros at the end stay; false
// if it is none.
func normaliseVersion(s string) (string, bool) {
	if len(s) > maxVersion {
		return "", false
	}
	m := pep440.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	var b strings.Builder
	if m[1] != "" && number(m[1]) != "0" {
		b.WriteString(number(m[1]) + "!")
	}
	for i, part := range strings.Split(m[2], ".") {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(number(part))
	}
	if pre := strings.ToLower(m[3]); pre != "" {
		if short, ok := spellings[pre]; ok {
			pre = short
		}
		b.WriteString(pre + number(m[4]))
	}
	switch {
	case m[5] != "":
		b.WriteString(".post" + number(m[5]))
	case m[6] != "":
		b.WriteString(".post" + number(m[7]))
	}
	if m[8] != "" {
		b.WriteString(".dev" + number(m[9]))
	}
	if m[10] != "" {
		b.WriteString("+" + local(m[10]))
	}
	return b.String(), true
}

// number returns the digits without zeros in front; none stand for 0.
func number(digits string) string {
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return "0"
	}
	return digits
}

// local returns the normal form of a local version label.
func local(s string) string {
	parts := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	for i, p := range parts {
		if strings.Trim(p, "0123456789") == "" {
			parts[i] = number(p)
		}
	}
	return strings.Join(parts, ".")
}

// later reports whether version a is preferred to b as the newest: releases before pre-releases, then by PEP 440.
// Versions that are none come last.
func later(a, b string) bool {
	va, errA := semver.PyPI.Parse(a)
	vb, errB := semver.PyPI.Parse(b)
	switch {
	case errA != nil || errB != nil:
		return errA == nil
	case prerelease(a) != prerelease(b):
		return prerelease(b)
	}
	return va.Compare(vb) > 0
}

// prerelease reports whether a version in normal form is a pre-release or a development release.
func prerelease(v string) bool {
	public, _, _ := strings.Cut(v, "+")
	return strings.ContainsAny(public, "abcr") || strings.Contains(public, "dev")
}
