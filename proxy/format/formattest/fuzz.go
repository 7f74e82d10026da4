package formattest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// FuzzParse checks that no request makes Parse panic, and that what it accepts is safe to use as a key: short, valid
// UTF-8 without control characters, and without dot segments.
func FuzzParse(f *testing.F, p format.Format, seeds ...string) {
	for _, s := range seeds {
		f.Add(http.MethodGet, s)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		switch method {
		case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete:
		default:
			method = http.MethodGet
		}
		path, _, _ = strings.Cut(path, "?")
		w, err := p.Parse(Request(method, path), path)
		if err != nil {
			return
		}
		if w.Kind < format.Document || w.Kind > format.Service {
			t.Fatalf("%s %q is accepted as kind %d", method, path, w.Kind)
		}
		if w.Kind != format.Service && (w.Package.Format != p.Name() || w.Package.Name == "") {
			t.Errorf("%s %q names no package: %+v", method, path, w)
		}
		if w.Kind == format.Asset && (w.Version == "" || w.Asset == "") {
			t.Errorf("%s %q names no asset: %+v", method, path, w)
		}
		for _, s := range []string{w.Package.Namespace, w.Package.Name, w.Version, w.Asset} {
			checkKey(t, path, s)
		}
	})
}

// maxKey is the longest name or version that the index takes (the service's limit is 255 characters; Go's escaped
// module paths may be longer).
const maxKey = 1024

func checkKey(t *testing.T, path, s string) {
	t.Helper()
	if len(s) > maxKey || !utf8.ValidString(s) {
		t.Errorf("%q gives the key %q", path, s)
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == '\\' {
			t.Errorf("%q gives the key %q with a character that no key has", path, s)
		}
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "." || segment == ".." {
			t.Errorf("%q gives the key %q with a dot segment", path, s)
		}
	}
}

// FuzzListing checks that no document makes Listing, Locate or Encode panic, and that what Listing accepts can be
// encoded in every view. path is where the registry keeps the document of a.Package; a.Asset is what Locate is asked for.
func FuzzListing(f *testing.F, fm format.Format, a cache.AssetKey, path string, views []string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := fm.Listing(context.Background(), a.Package, NewRegistry(map[string]string{path: string(body)}))
		if err != nil {
			return
		}
		defer l.Close()
		for _, v := range l.Versions {
			checkKey(t, path, v.Version)
			_, _ = fm.Locate(cache.AssetKey{Package: a.Package, Version: v.Version, Asset: a.Asset}, l)
		}
		for _, view := range views {
			if err := fm.Encode(io.Discard, l, format.View{Name: view, Base: Base}); err != nil && !errors.Is(err, cache.ErrAbsent) {
				t.Errorf("listed but not encoded as %s: %v", view, err)
			}
		}
	})
}
