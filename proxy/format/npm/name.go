package npm

import (
	"net/url"
	"strings"

	"deps.dev/util/semver"

	"entrepot/cache"
)

const (
	maxName        = 255 // the service's limit, on reading: names older than npm's rules are served
	maxPublishName = 214 // npm's limit for new names, with their scope
	maxVersion     = 255 // the service's; npm's own is 256
)

// fullName is the name as clients write it: with the scope.
func fullName(p cache.Package) string {
	if p.Namespace == "" {
		return p.Name
	}
	return "@" + p.Namespace + "/" + p.Name
}

// escapedName is the name as one segment of a path, as npm asks for it: @scope%2fname.
func escapedName(p cache.Package) string {
	if p.Namespace == "" {
		return url.PathEscape(p.Name)
	}
	return "@" + url.PathEscape(p.Namespace) + "%2f" + url.PathEscape(p.Name)
}

// parseName reads a name as clients write it.
func parseName(name string) (cache.Package, error) {
	p := cache.Package{Format: "npm", Name: name}
	if scope, rest, ok := strings.Cut(name, "/"); ok {
		if scope, ok = strings.CutPrefix(scope, "@"); !ok {
			return cache.Package{}, cache.Invalidf("%.100q is no package name: only a scope stands before a slash", name)
		}
		p.Namespace, p.Name = scope, rest
		if !readable(scope) {
			return cache.Package{}, cache.Invalidf("%.100q is no scope", "@"+scope)
		}
	}
	if !readable(p.Name) || p.Namespace == "" && (p.Name[0] == '.' || p.Name[0] == '_') {
		return cache.Package{}, cache.Invalidf("%.100q is no package name", name)
	}
	if len(name) > maxName {
		return cache.Package{}, cache.Invalidf("a package name of %d characters is longer than %d", len(name), maxName)
	}
	return p, nil
}

// readable reports whether s is made of what encodeURIComponent leaves alone, which is what npm ever allowed in a name.
func readable(s string) bool {
	if s == "" || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		if !unreserved(s[i]) {
			return false
		}
	}
	return true
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0
}

// publishable says why a new package may not have this name; nil: it may. These are the rules of npm's
// validate-npm-package-name for new packages.
func publishable(p cache.Package) error {
	name := fullName(p)
	switch {
	case len(name) > maxPublishName:
		return cache.Invalidf("a package name of %d characters is longer than %d", len(name), maxPublishName)
	case name != strings.ToLower(name):
		return cache.Invalidf("the name %s has capital letters, which npm allows no more", name)
	case strings.ContainsAny(name, "!~*'()"):
		return cache.Invalidf("the name %s has one of the characters !~*'(), which npm allows no more", name)
	case p.Name[0] == '.' || p.Namespace == "" && p.Name[0] == '-':
		return cache.Invalidf("the name %s starts with %c", name, p.Name[0])
	case p.Namespace == "" && (name == "node_modules" || name == "favicon.ico"):
		return cache.Invalidf("the name %s is reserved", name)
	}
	return nil
}

// servable reports whether a version number can be one of a registry, however old: it begins with a digit and is safe
// in a file name. (Registries hold versions that semver would not parse.)
func servable(v string) bool {
	if v == "" || len(v) > maxVersion || v[0] < '0' || v[0] > '9' {
		return false
	}
	for i := range len(v) {
		if c := v[i]; c != '+' && !unreserved(c) {
			return false
		}
	}
	return true
}

// strict reports whether v is a version as semver.org writes it, which is all that may be published.
func strict(v string) bool {
	if !servable(v) || strings.ContainsAny(v, "!~*'()_") {
		return false
	}
	core, _, _ := strings.Cut(v, "+")
	core, _, _ = strings.Cut(core, "-")
	if strings.Count(core, ".") != 2 {
		return false
	}
	_, err := semver.NPM.Parse(v)
	return err == nil
}

// parseTag accepts the name of a dist-tag. npm forbids what reads as a range of versions, since name@tag would be
// ambiguous.
func parseTag(tag string) error {
	if !readable(tag) || len(tag) > maxVersion {
		return cache.Invalidf("%.100q is no tag", tag)
	}
	if _, err := semver.NPM.ParseConstraint(tag); err == nil {
		return cache.Invalidf("the tag %s would read as a range of versions", tag)
	}
	return nil
}

// tarballPath is where clients find a version's tarball below the endpoint: the registry's own layout, with the scope
// unescaped and once, which pnpm and yarn recognise and so leave out of their lockfiles.
func tarballPath(p cache.Package, version string) string {
	return fullName(p) + "/-/" + p.Name + "-" + version + ".tgz"
}
