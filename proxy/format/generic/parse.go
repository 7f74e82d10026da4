package generic

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// The views of a Want.
const (
	viewVersions = "versions" // Document: the versions of a package
	viewAssets   = "assets:"  // Document: the files of the version that follows
	viewPut      = "put"      // Upload
	viewDelete   = "delete"   // Service
)

const (
	typeJSON = "application/json"
	typeFile = "application/octet-stream"
)

// maxName bounds a namespace, a name, a version and an asset's name, each: the service's limit.
const maxName = 255

// Parse says what a request asks for: two segments are a package, three a version, four and more a file.
func (*Format) Parse(r *http.Request, path string) (format.Want, error) {
	parts := strings.SplitN(strings.TrimSuffix(path, "/"), "/", 4)
	for i := range parts {
		plain, err := url.PathUnescape(parts[i])
		if err != nil {
			return format.Want{}, cache.Invalidf("the path is not properly escaped")
		}
		if i < 3 && !validName(plain) {
			return format.Want{}, cache.Invalidf("%.100q is no name: it may have neither white space nor # and /", plain)
		}
		parts[i] = plain
	}
	if len(parts) < 2 || len(parts) == 4 && strings.HasSuffix(path, "/") {
		return format.Want{}, cache.ErrAbsent // there is no list of all, nor of a part of a version
	}
	p := cache.Package{Format: "generic", Namespace: parts[0], Name: parts[1]}
	switch len(parts) {
	case 2:
		return format.Want{Kind: format.Document, Package: p, View: viewVersions, ContentType: typeJSON}, allow(r, http.MethodGet)
	case 3:
		return format.Want{Kind: format.Document, Package: p, View: viewAssets + parts[2], ContentType: typeJSON}, allow(r, http.MethodGet)
	}
	if err := checkAsset(parts[3]); err != nil {
		return format.Want{}, err
	}
	w := format.Want{Kind: format.Asset, Package: p, Version: parts[2], Asset: parts[3], ContentType: typeFile}
	switch r.Method {
	case http.MethodPut:
		w.Kind, w.Action, w.View = format.Upload, format.Publish, viewPut
	case http.MethodDelete:
		w.Kind, w.Action, w.View = format.Service, format.Publish, viewDelete
	}
	return w, allow(r, http.MethodGet, http.MethodPut, http.MethodDelete)
}

// validName reports whether s can be a namespace, a name or a version: [^#/\s]+ in the service's model.
func validName(s string) bool {
	return s != "" && len(s) <= maxName && s != "." && s != ".." && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r == '#' || r == '/' || r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r)
		})
}

// checkAsset accepts the service's names of assets, and slashes between them.
func checkAsset(name string) error {
	if len(name) > maxName {
		return cache.Invalidf("an asset's name of %d characters is longer than %d", len(name), maxName)
	}
	if !clean(name) {
		return cache.Invalidf("the asset %.100q has an empty segment or one of dots", name)
	}
	for s := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, "  ") || strings.ContainsFunc(s, notInAsset) {
			return cache.Invalidf("%.100q is no name of an asset: it takes letters, digits, ~!@^&()-_+[]{};,. and single spaces between them", s)
		}
	}
	return nil
}

func notInAsset(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("~!@^&()-_+[]{};,. ", r)
}

// allow checks the request's method; GET allows HEAD too.
func allow(r *http.Request, methods ...string) error {
	for _, m := range methods {
		if r.Method == m || m == http.MethodGet && r.Method == http.MethodHead {
			return nil
		}
	}
	return &cache.Invalid{Status: http.StatusMethodNotAllowed, Reason: fmt.Sprintf("%s is not allowed here, but %s", r.Method, strings.Join(methods, ", "))}
}
