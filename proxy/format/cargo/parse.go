package cargo

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// apiPath is where the web API keeps crates, below the address that config.json calls "api".
const apiPath = "api/v1/crates"

// Parse says what a request asks for. Names come in any letter case.
func (Format) Parse(r *http.Request, path string) (format.Want, error) {
	segments, err := split(path)
	if err != nil {
		return format.Want{}, err
	}
	switch {
	case path == "config.json":
		return format.Want{Kind: format.Service, View: viewConfig}, allow(r, http.MethodGet)
	case path == "me":
		return format.Want{Kind: format.Service, Action: format.Login, View: viewMe}, allow(r, http.MethodGet)
	case path == apiPath:
		return format.Want{Kind: format.Service, View: viewSearch}, allow(r, http.MethodGet)
	case strings.HasPrefix(path, apiPath+"/"):
		return parseAPI(r, segments[3:])
	}
	crate, ok := indexed(segments)
	if !ok {
		return format.Want{}, fmt.Errorf("no crate of the index has the path %.300q: %w", path, cache.ErrAbsent)
	}
	return format.Want{
		Kind: format.Document, Package: packageOf(crate), View: viewIndex, ContentType: typeIndex,
	}, allow(r, http.MethodGet)
}

// split decodes a path into segments. No segment of this protocol has a slash in it.
func split(path string) ([]string, error) {
	segments := strings.Split(path, "/")
	for i, raw := range segments {
		s, err := url.PathUnescape(raw)
		if err != nil || strings.Contains(s, "/") {
			return nil, cache.Invalidf("the path holds an encoding that has no place there")
		}
		segments[i] = s
	}
	return segments, nil
}

// parseAPI reads what follows api/v1/crates/.
func parseAPI(r *http.Request, segments []string) (format.Want, error) {
	if len(segments) == 1 && segments[0] == "new" && r.Method == http.MethodPut {
		return format.Want{
			Kind: format.Service, Action: format.Publish, Package: cache.Package{Format: "cargo"}, View: viewPublish,
		}, nil
	}
	if !readable(segments[0]) {
		return format.Want{}, cache.Invalidf("%.100q is no crate name", segments[0])
	}
	w := format.Want{Kind: format.Service, Package: packageOf(segments[0])}
	switch {
	case len(segments) == 2 && segments[1] == "owners":
		w.View = viewOwners
		if r.Method == http.MethodPut || r.Method == http.MethodDelete {
			w.Action = format.Publish
		}
		return w, allow(r, http.MethodGet, http.MethodPut, http.MethodDelete)
	case len(segments) != 3:
		return format.Want{}, cache.ErrAbsent
	case !validVersion(segments[1]):
		return format.Want{}, cache.Invalidf("%.100q is no version", segments[1])
	}
	w.Version = segments[1]
	switch segments[2] {
	case "download":
		w.Kind, w.Asset, w.ContentType = format.Asset, assetName(w.Package, w.Version), typeCrate
		return w, allow(r, http.MethodGet)
	case "yank":
		w.Action, w.View = format.Publish, viewYank
		return w, allow(r, http.MethodDelete)
	case "unyank":
		w.Action, w.View = format.Publish, viewUnyank
		return w, allow(r, http.MethodPut)
	}
	return format.Want{}, cache.ErrAbsent
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
