package maven

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// The views of a Want.
const (
	viewIndex    = "index"    // Document, Upload: versions and plugin prefixes
	viewSnapshot = "snapshot" // Service, Upload: the newest build of a snapshot
	viewNewest   = "newest"   // Service: a file of it, by the snapshot's own name
	viewFile     = "file"     // Upload: a file of a version
)

// maxPath bounds a request's path: a group, an artifact, a version and a file of the longest kind, partly escaped.
const maxPath = 2048

// Parse says what a request asks for.
func (Format) Parse(r *http.Request, path string) (format.Want, error) {
	upload := r.Method == http.MethodPut
	if !upload && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return format.Want{}, &cache.Invalid{Status: http.StatusMethodNotAllowed, Reason: "method " + r.Method + " is not allowed here"}
	}
	w, err := parse(path)
	if err == nil && upload {
		w, err = asUpload(w)
	} else if err == nil && w.Sum != "" {
		w.ContentType = typeText
	}
	if upload && errors.Is(err, cache.ErrAbsent) {
		err = cache.Invalidf("nothing can be deployed to %q: it is no place of the Maven layout", path)
	}
	return w, err
}

// split returns the segments of a path as the layout means them. What could be read in two ways is refused: an encoded
// separator, empty and dot segments.
func split(path string) ([]string, error) {
	if len(path) > maxPath {
		return nil, cache.Invalidf("path of %d characters, at most %d are served", len(path), maxPath)
	}
	if low := strings.ToLower(path); strings.Contains(low, "%2f") || strings.Contains(low, "%5c") {
		return nil, cache.Invalidf("encoded separator in %q", path)
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, cache.Invalidf("%v", err)
		}
		if plain == "." || plain == ".." || plain == "" && i < len(segments)-1 {
			return nil, cache.Invalidf("empty or dot segment in %q", path)
		}
		segments[i] = plain
	}
	return segments, nil
}

// parse reads a path as if it was to be read. A path that is not of the layout is absent: registries have other files
// too (.index/, archetype-catalog.xml, listings of directories), and clients that look for them do without.
func parse(path string) (format.Want, error) {
	segments, err := split(path)
	if err != nil {
		return format.Want{}, err
	}
	if slices.ContainsFunc(segments, func(s string) bool { return !validName(s) }) {
		return format.Want{}, cache.ErrAbsent
	}
	file, sum := cutSum(segments[len(segments)-1])
	w := format.Want{Sum: sum, Patient: true}
	dirs := segments[:len(segments)-1]
	switch n := len(dirs); {
	case file == metadataFile && n >= 3 && isSnapshot(dirs[n-1]):
		w.Kind, w.View, w.Version, w.ContentType = format.Service, viewSnapshot, dirs[n-1], contentType(file)
		w.Package, err = packageOf(dirs[:n-1])
	case file == metadataFile && n >= 1:
		w.Kind, w.View, w.ContentType = format.Document, viewIndex, contentType(file)
		w.Package, err = packageOf(dirs)
	case file != metadataFile && n >= 3:
		w.Kind, w.Asset, w.ContentType, w.Patient = format.Asset, file, contentType(file), false
		w.Package, err = packageOf(dirs[:n-1])
		if version, ok := versionOf(dirs[n-2], dirs[n-1], file); ok {
			w.Version = version
		} else { // it changes with every build
			w.Kind, w.View, w.Version, w.Patient = format.Service, viewNewest, dirs[n-1], true
		}
	default:
		err = cache.ErrAbsent
	}
	return w, err
}

// packageOf is the package in a directory. A dot in a group's directory would be another address of the same package.
func packageOf(dirs []string) (cache.Package, error) {
	groups := dirs[:len(dirs)-1]
	if slices.ContainsFunc(groups, func(s string) bool { return strings.Contains(s, ".") }) {
		return cache.Package{}, cache.ErrAbsent
	}
	p := cache.Package{Format: "maven", Namespace: strings.Join(groups, "."), Name: dirs[len(dirs)-1]}
	if len(p.Namespace) > maxName {
		return cache.Package{}, cache.Invalidf("group of %d characters, at most %d are served", len(p.Namespace), maxName)
	}
	return p, nil
}

// asUpload turns what a path is for reading into what it is for deploying.
func asUpload(w format.Want) (format.Want, error) {
	view := w.View
	switch w.Kind {
	case format.Service:
		if view == viewNewest {
			return w, cache.Invalidf("%s: only builds with a time are taken, such as 1.0-20210728.194552-1 of 1.0-SNAPSHOT", w.Asset)
		}
	case format.Asset:
		view = viewFile
		if !strings.HasPrefix(w.Asset, w.Package.Name+"-"+w.Version) {
			return w, cache.Invalidf("%s: the name of a file begins with its artifact and version, %s-%s", w.Asset, w.Package.Name, w.Version)
		}
	}
	return format.Want{
		Kind: format.Upload, Action: format.Publish, View: view, Package: w.Package, Version: w.Version, Asset: w.Asset, Sum: w.Sum,
	}, nil
}
