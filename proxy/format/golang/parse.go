package golang

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/mod/module"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// The views of a Want.
const (
	viewList      = "list"      // Document: the versions, one per line
	viewLatest    = "latest"    // Service: the .info of the version that a client without a wish gets
	viewQuery     = "query"     // Service: the .info of a branch or commit
	viewSupported = "supported" // Service: whether a checksum database is to be had here
	viewLookup    = "lookup"    // Service: a record of it
	viewTile      = "tile"      // Service: a tile of it
	viewTree      = "tree"      // Service: its newest signed tree
)

const (
	typeText = "text/plain; charset=UTF-8"
	typeJSON = "application/json"
	typeZip  = "application/zip"
	typeTile = "application/octet-stream"
)

// maxPath bounds a request's path: a module path and a version of the longest kind, half of it in capitals, escaped.
const maxPath = 1024

// maxName bounds a module's path and a version, each. It is the service's limit for names.
const maxName = 255

// disableFetch is the header by which a client asks for what is stored and nothing else, as the path prefix
// cached-only/ does. Both are conventions of the public mirror.
const disableFetch = "Disable-Module-Fetch"

// Parse says what a request asks for.
func (*Format) Parse(r *http.Request, path string) (format.Want, error) {
	path, err := unescape(path)
	if err != nil {
		return format.Want{}, err
	}
	switch r.Method {
	case http.MethodPut:
		return parseUpload(path)
	case http.MethodGet, http.MethodHead:
	default:
		return format.Want{}, &cache.Invalid{Status: http.StatusMethodNotAllowed, Reason: "method " + r.Method + " is not allowed here"}
	}
	path, storedOnly := strings.CutPrefix(path, "cached-only/")
	w, err := parseRead(path)
	w.StoredOnly = storedOnly || r.Header.Get(disableFetch) == "true"
	w.Vary = disableFetch
	return w, err
}

// unescape returns the path as the protocol means it. What could be read in two ways is refused: an encoded separator,
// empty and dot segments.
func unescape(path string) (string, error) {
	if len(path) > maxPath {
		return "", cache.Invalidf("path of %d characters, at most %d are served", len(path), maxPath)
	}
	if low := strings.ToLower(path); strings.Contains(low, "%2f") || strings.Contains(low, "%5c") {
		return "", cache.Invalidf("encoded separator in %q", path)
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return "", cache.Invalidf("%v", err)
	}
	for segment := range strings.SplitSeq(plain, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", cache.Invalidf("empty or dot segment in %q", path)
		}
	}
	return plain, nil
}

func parseRead(path string) (format.Want, error) {
	if rest, ok := strings.CutPrefix(path, "sumdb/"); ok {
		return parseSums(rest)
	}
	mod, file, err := parseModule(path)
	if err != nil {
		return format.Want{}, err
	}
	w := format.Want{Package: cache.Package{Format: "go", Name: mod}}
	switch file {
	case "latest":
		w.Kind, w.View, w.ContentType = format.Service, viewLatest, typeJSON
		return w, nil
	case "v/list":
		w.Kind, w.View, w.ContentType = format.Document, viewList, typeText
		return w, nil
	}
	version, ext, err := parseVersion(file)
	if err != nil {
		return format.Want{}, err
	}
	w.Version = version
	switch {
	case canonical(mod, version):
		w.Kind, w.Asset, w.ContentType = format.Asset, version+"."+ext, contentTypes[ext]
	case ext == "info":
		w.Kind, w.View, w.ContentType = format.Service, viewQuery, typeJSON
	default:
		return format.Want{}, cache.Invalidf("%s is no version of %s; a branch or commit has only .info", version, mod)
	}
	return w, nil
}

var contentTypes = map[string]string{"info": typeJSON, "mod": typeText, "zip": typeZip}

// parseModule cuts a path into the module's path and what follows "/@".
func parseModule(path string) (mod, file string, err error) {
	escaped, file, ok := strings.Cut(path, "/@")
	if !ok {
		return "", "", cache.ErrAbsent
	}
	mod, err = module.UnescapePath(escaped)
	if err != nil {
		return "", "", cache.Invalidf("%v", err)
	}
	if len(mod) > maxName {
		return "", "", cache.Invalidf("module path of %d characters, at most %d are served", len(mod), maxName)
	}
	return mod, file, nil
}

// parseVersion reads "v/VERSION.EXT".
func parseVersion(file string) (version, ext string, err error) {
	name, ok := strings.CutPrefix(file, "v/")
	if !ok {
		return "", "", cache.ErrAbsent
	}
	escaped, ext, ok := cutExtension(name)
	if !ok {
		return "", "", cache.ErrAbsent
	}
	version, err = module.UnescapeVersion(escaped)
	if err != nil {
		return "", "", cache.Invalidf("%v", err)
	}
	if len(version) > maxName {
		return "", "", cache.Invalidf("version of %d characters, at most %d are served", len(version), maxName)
	}
	return version, ext, nil
}

// cutExtension cuts "VERSION.EXT".
func cutExtension(name string) (version, ext string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		return "", "", false
	}
	_, ok = contentTypes[name[i+1:]]
	return name[:i], name[i+1:], ok
}

// canonical reports whether a version names one state of a module for good; what does not is a query.
func canonical(mod, version string) bool {
	return module.CanonicalVersion(version) == version && module.Check(mod, version) == nil
}

func parseUpload(path string) (format.Want, error) {
	mod, file, err := parseModule(path)
	if err != nil {
		return format.Want{}, err
	}
	version, ext, err := parseVersion(file)
	if err != nil {
		return format.Want{}, err
	}
	if ext != "zip" {
		return format.Want{}, &cache.Invalid{
			Status: http.StatusMethodNotAllowed, Reason: "only the .zip of a version is published; its .info and .mod are made from it",
		}
	}
	if module.CanonicalVersion(version) != version {
		return format.Want{}, cache.Invalidf("%s is no canonical version, such as v1.2.3", version)
	}
	if err := module.Check(mod, version); err != nil {
		return format.Want{}, cache.Invalidf("%v", err)
	}
	return format.Want{
		Kind: format.Upload, Action: format.Publish, Version: version, Package: cache.Package{Format: "go", Name: mod},
	}, nil
}
