package cargo

import (
	"strings"

	"golang.org/x/mod/semver"

	"entrepot/cache"
)

const (
	maxName        = 255 // the service's limit, on reading
	maxPublishName = 64  // the public registry's limit for new names
	maxVersion     = 255 // the service's
)

// readable reports whether a name can be one of a registry: of ASCII letters, digits, "-" and "_" (Cargo book,
// "Registry Index", name restrictions).
func readable(crate string) bool {
	if crate == "" || len(crate) > maxName {
		return false
	}
	for i := range len(crate) {
		if c := crate[i]; !letter(c) && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// publishable says why a new crate may not have this name; nil: it may.
func publishable(crate string) error {
	switch {
	case !readable(crate):
		return cache.Invalidf("%.100q is no crate name: it takes letters, digits, - and _", crate)
	case !letter(crate[0]):
		return cache.Invalidf("the crate name %s does not begin with a letter", crate)
	case len(crate) > maxPublishName:
		return cache.Invalidf("a crate name of %d characters is longer than %d", len(crate), maxPublishName)
	}
	return nil
}

// validVersion reports whether v is a version as semver.org writes it, which is all that cargo takes.
func validVersion(v string) bool {
	if len(v) > maxVersion || !semver.IsValid("v"+v) {
		return false
	}
	core, _, _ := strings.Cut(v, "+")
	core, _, _ = strings.Cut(core, "-")
	return strings.Count(core, ".") == 2 // x/mod/semver takes v1 and v1.2 as well
}

// compare orders valid versions.
func compare(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// withoutBuild is a version without its build metadata, which no resolver looks at.
func withoutBuild(v string) string {
	v, _, _ = strings.Cut(v, "+")
	return v
}

// indexPath is where an index keeps a crate's file: 1/a, 2/ab, 3/a/abc, ab/cd/abcd, in lower case.
func indexPath(name string) string { return prefix(name) + "/" + name }

// prefix is the folder of a crate in an index.
func prefix(name string) string {
	switch len(name) {
	case 1, 2:
		return string('0' + byte(len(name)))
	case 3:
		return "3/" + name[:1]
	}
	return name[:2] + "/" + name[2:4]
}

// indexed reads the segments of a crate's path in an index.
func indexed(segments []string) (crate string, ok bool) {
	crate = segments[len(segments)-1]
	if !readable(crate) {
		return "", false
	}
	return crate, strings.EqualFold(strings.Join(segments, "/"), indexPath(crate))
}

// maxTwins bounds the spellings that twins returns; a name of six words has 64.
const maxTwins = 64

// twins are the other names that differ from a package's in "-" and "_" alone. Of a name with very many of them, those
// of one kind throughout are named only.
func twins(p cache.Package) []cache.Package {
	var places []int
	for i := range len(p.Name) {
		if c := p.Name[i]; c == '-' || c == '_' {
			places = append(places, i)
		}
	}
	var out []cache.Package
	add := func(name string) {
		if name != p.Name {
			out = append(out, cache.Package{Format: p.Format, Namespace: p.Namespace, Name: name})
		}
	}
	if 1<<min(len(places), 30) > maxTwins {
		add(strings.ReplaceAll(p.Name, "_", "-"))
		add(strings.ReplaceAll(p.Name, "-", "_"))
		return out
	}
	for mask := range 1 << len(places) {
		name := []byte(p.Name)
		for bit, at := range places {
			name[at] = '-'
			if mask>>bit&1 == 1 {
				name[at] = '_'
			}
		}
		add(string(name))
	}
	return out
}
