package golang

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestGolden(t *testing.T) { formattest.Golden(t, newFormat(t, nil), "testdata/*.txtar", nil) }

func TestRoundTrip(t *testing.T) {
	formattest.RoundTrip(t, newFormat(t, nil), "testdata/*.txtar", func(p cache.Package) map[string]string {
		root, err := rootOf(p)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{viewList: root + "/@v/list"}
	})
}

func TestListingErrors(t *testing.T) {
	f, p := newFormat(t, nil), cache.Package{Format: "go", Name: "example.com/m"}
	if _, err := f.Listing(t.Context(), p, formattest.NewRegistry(nil)); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("a module that nobody knows: %v", err)
	}
	var down *cache.Unavailable
	for _, a := range []formattest.Answer{{Status: http.StatusInternalServerError}, {Err: io.ErrUnexpectedEOF}, {Body: strings.Repeat("x", 1<<20)}, {Body: "<!doctype html>\n<p>Sign in"}} {
		r := &formattest.Registry{Answers: map[string]formattest.Answer{"example.com/m/@v/list": a}}
		if _, err := f.Listing(t.Context(), p, r); !errors.As(err, &down) {
			t.Errorf("%d %v: %v", a.Status, a.Err, err)
		}
	}
	if err := f.Encode(io.Discard, &cache.Listing{}, format.View{Name: "other"}); err == nil {
		t.Error("an unknown view is encoded")
	}
}

func TestLocate(t *testing.T) {
	f := newFormat(t, nil)
	for _, c := range []struct {
		key  cache.AssetKey
		want string
	}{
		{key("example.com/Azure/sdk", "v1.2.3", "info"), "example.com/!azure/sdk/@v/v1.2.3.info"},
		{key("example.com/m", "v2.0.0+incompatible", "zip"), "example.com/m/@v/v2.0.0+incompatible.zip"},
		{key("example.com/m", "v1.0.0-RC1", "mod"), "example.com/m/@v/v1.0.0-!r!c1.mod"},
		{key("example.com/m", "v0.0.0-20200101000000-0123456789ab", "mod"), "example.com/m/@v/v0.0.0-20200101000000-0123456789ab.mod"},
		{key("example.com/m", "v1.2.3", "txt"), ""},
		{key("example.com/m", "main", "info"), ""},
		{cache.AssetKey{Package: cache.Package{Format: "go", Name: "example.com/m"}, Version: "v1.0.0", Asset: "v1.0.1.zip"}, ""},
		{cache.AssetKey{Package: cache.Package{Format: "go", Name: "example.com/m"}, Version: "v1.0.0"}, ""},
	} {
		ref, err := f.Locate(c.key, nil)
		if ref.URL != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%v is at %q (%v), want %q", c.key, ref.URL, err, c.want)
		}
	}
}

func FuzzListing(f *testing.F) {
	formattest.FuzzListing(f, newFormat(f, nil), key("example.com/m", "v1.0.0", "zip"), "example.com/m/@v/list", []string{viewList},
		"v1.0.0\nv1.1.0\n", "v1.0.0 2020-01-01T00:00:00Z\r\n", "<!doctype html>", "v0.0.0-20200101000000-0123456789ab\n")
}

func FuzzInfo(f *testing.F) {
	f.Add([]byte(`{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"Version":"v0.0.0-20200101000000-0123456789ab","Origin":{"VCS":"git"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := parseInfo("example.com/m", b)
		if err != nil {
			return
		}
		again, err := parseInfo("example.com/m", i.encode())
		if err != nil || again.Version != i.Version || (again.Time == nil) != (i.Time == nil) {
			t.Errorf("%s is read, and encoded as %s (%v)", b, i.encode(), err)
		}
		if _, err := newFormat(t, nil).Locate(key("example.com/m", i.Version, "zip"), nil); err != nil {
			t.Errorf("%s names a version without a place: %v", b, err)
		}
	})
}
