package npm

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Parse reads a path in any of the spellings that clients use: the scope's slash as it is, as %2f or as %2F, its @ as
// %40, and legacy tarball names that repeat the scope.
func (Format) Parse(r *http.Request, path string) (format.Want, error) {
	if path == "" {
		return format.Want{Kind: format.Service, View: "ping"}, allow(r, http.MethodGet)
	}
	segments, err := split(path)
	if err != nil {
		return format.Want{}, err
	}
	if segments[0] == "-" && len(segments) > 1 {
		return parseService(r, segments[1:])
	}
	p, rest, err := cutPackage(segments)
	if err != nil {
		return format.Want{}, err
	}
	return parsePackage(r, p, rest)
}

// split decodes a path into segments. An encoded slash is a separator after a scope and nowhere else.
func split(path string) ([]string, error) {
	if len(path) > 4096 { // more than two names, a version and a token
		return nil, &cache.Invalid{Status: http.StatusRequestURITooLong, Reason: "the address is too long"}
	}
	var segments []string
	for raw := range strings.SplitSeq(path, "/") {
		s, err := url.PathUnescape(raw)
		if err != nil || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
			return nil, cache.Invalidf("the path holds an encoding or a character that has no place there")
		}
		parts := []string{s}
		if before, after, ok := strings.Cut(s, "/"); ok {
			if before[:min(1, len(before))] != "@" || strings.Contains(after, "/") {
				return nil, cache.Invalidf("the path holds an encoded slash that follows no scope")
			}
			parts = []string{before, after}
		}
		for _, s := range parts {
			if s == "" || s == "." || s == ".." {
				return nil, cache.Invalidf("the path holds an empty segment or one of dots")
			}
			segments = append(segments, s)
		}
	}
	return segments, nil
}

// cutPackage takes the package's name from the front.
func cutPackage(segments []string) (cache.Package, []string, error) {
	n := 1
	if strings.HasPrefix(segments[0], "@") {
		if n = 2; len(segments) < n {
			return cache.Package{}, nil, cache.Invalidf("%.100q is a scope without a name", segments[0])
		}
	}
	p, err := parseName(strings.Join(segments[:n], "/"))
	return p, segments[n:], err
}

// parsePackage reads what follows a package's name.
func parsePackage(r *http.Request, p cache.Package, rest []string) (format.Want, error) {
	switch {
	case len(rest) == 0:
		if r.Method == http.MethodPut {
			return format.Want{Kind: format.Upload, Action: format.Publish, Package: p, View: "publish"}, nil
		}
		return document(r, p), allow(r, http.MethodGet, http.MethodPut)
	case rest[0] == "-rev" && len(rest) == 2:
		w := format.Want{Kind: format.Upload, Action: format.Publish, Package: p, View: "update:" + rest[1]}
		if r.Method == http.MethodDelete {
			w.Kind, w.View = format.Service, "unpublish:"+rest[1]
		}
		return w, allow(r, http.MethodPut, http.MethodDelete)
	case rest[0] == "-" && len(rest) > 1:
		return parseFile(r, p, rest[1:])
	case len(rest) == 1 && rest[0] != "-" && rest[0] != "-rev":
		v := rest[0]
		if !servable(v) && (!readable(v) || len(v) > maxVersion) {
			return format.Want{}, cache.Invalidf("%.100q is neither a version nor a tag", v)
		}
		return format.Want{
			Kind: format.Document, Package: p, View: versionView + v, ContentType: jsonType, Seeks: v,
		}, allow(r, http.MethodGet)
	}
	return format.Want{}, cache.ErrAbsent
}

// document wants the packument in the form that the client accepts. ?write=true comes before a change, which is sent
// back as a whole, so it is the full form.
func document(r *http.Request, p cache.Package) format.Want {
	w := format.Want{Kind: format.Document, Package: p, View: fullView, ContentType: jsonType, Vary: "Accept"}
	if abbreviated(r.Header.Values("Accept")) && r.URL.Query().Get("write") != "true" {
		w.View, w.ContentType = abbreviatedView, abbreviatedType
	}
	return w
}

// abbreviated reports whether an Accept header prefers the abbreviated packument to the full one.
func abbreviated(accept []string) bool {
	short, full := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, params, _ := strings.Cut(part, ";")
		q := 1.0
		for param := range strings.SplitSeq(params, ";") {
			if v, ok := strings.CutPrefix(strings.ReplaceAll(param, " ", ""), "q="); ok {
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					q = f
				}
			}
		}
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case abbreviatedType:
			short = max(short, q)
		case jsonType:
			full = max(full, q)
		}
	}
	return short > 0 && short >= full
}

// parseFile reads what follows PACKAGE/-/: a tarball, perhaps with its scope again, perhaps to be deleted.
func parseFile(r *http.Request, p cache.Package, rest []string) (format.Want, error) {
	if p.Namespace != "" && rest[0] == "@"+p.Namespace && len(rest) > 1 {
		rest = rest[1:]
	}
	version, ok := strings.CutPrefix(rest[0], p.Name+"-")
	if ok {
		version, ok = strings.CutSuffix(version, ".tgz")
	}
	if !ok || !servable(version) {
		return format.Want{}, fmt.Errorf("%.100q is no tarball of %s: %w", rest[0], fullName(p), cache.ErrAbsent)
	}
	if len(rest) == 3 && rest[1] == "-rev" {
		return format.Want{
			Kind: format.Service, Action: format.Publish, Package: p, Version: version, View: "unpublish-version:" + rest[2],
		}, allow(r, http.MethodDelete)
	}
	if len(rest) != 1 {
		return format.Want{}, cache.ErrAbsent
	}
	return format.Want{
		Kind: format.Asset, Package: p, Version: version, Asset: Tarball, ContentType: "application/octet-stream",
	}, allow(r, http.MethodGet)
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
