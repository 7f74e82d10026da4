package golang

import (
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/tlog"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// parseSums reads "NAME/supported", "NAME/lookup/MODULE@VERSION", "NAME/tile/…" or "NAME/latest". The name may have
// slashes (package note). Asset is the whole, which is what the registry is asked.
func parseSums(path string) (format.Want, error) {
	w := format.Want{Kind: format.Service, Package: cache.Package{Format: "go"}, Asset: path, ContentType: typeText}
	name, rest := cutSums(path)
	switch {
	case name == "" || len(name) > maxName || strings.ContainsFunc(name, notInName):
		return format.Want{}, cache.ErrAbsent
	case rest == "supported":
		w.View = viewSupported
	case rest == "latest":
		w.View = viewTree
	case strings.HasPrefix(rest, "lookup/"):
		w.View = viewLookup
		escaped, version, ok := strings.Cut(strings.TrimPrefix(rest, "lookup/"), "@")
		if !ok {
			return format.Want{}, cache.Invalidf("lookup of %q, which is no module@version", escaped)
		}
		m, err := unescapeVersion(escaped, version)
		if err != nil {
			return format.Want{}, cache.Invalidf("%v", err)
		}
		w.Package.Name, w.Version = m.Path, m.Version
	default:
		if _, err := tlog.ParseTilePath(rest); err != nil {
			return format.Want{}, cache.Invalidf("%v", err)
		}
		w.View, w.ContentType = viewTile, typeTile
		if strings.Contains(rest, "/data/") {
			w.ContentType = typeText
		}
	}
	return w, nil
}

// cutSums cuts a path into the database's name and what it is asked.
func cutSums(path string) (name, rest string) {
	for _, op := range []string{"/lookup/", "/tile/"} {
		if i := strings.Index(path, op); i > 0 {
			return path[:i], path[i+1:]
		}
	}
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

func unescapeVersion(escapedPath, escapedVersion string) (m module.Version, err error) {
	if m.Path, err = module.UnescapePath(escapedPath); err != nil {
		return m, err
	}
	if m.Version, err = module.UnescapeVersion(escapedVersion); err != nil {
		return m, err
	}
	if len(m.Path) > maxName || len(m.Version) > maxName {
		return m, cache.Invalidf("module or version of more than %d characters", maxName)
	}
	return m, module.Check(m.Path, m.Version)
}

// notInName reports whether a character is none of a checksum database's name, which becomes part of an address.
func notInName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune(".-_~:/", r)
}
