package generic

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

func newFormat(t testing.TB, layouts map[string]string) *Format {
	t.Helper()
	f, err := New(Options{Layout: layouts})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) { formattest.Parse(t, newFormat(t, nil), "testdata/parse.txt") }

func TestParseRefusesLongNames(t *testing.T) {
	f, long := newFormat(t, nil), strings.Repeat("a", maxName+1)
	for _, path := range []string{long + "/b/c/d", "a/" + long + "/c/d", "a/b/" + long + "/d", "a/b/c/" + long, "a/b/c/x/" + long[:maxName]} {
		if got := formattest.Describe(f.Parse(formattest.Request(http.MethodGet, path), path)); got != "invalid 400" {
			t.Errorf("%.20s…: %s", path, got)
		}
	}
	if got := formattest.Describe(f.Parse(formattest.Request(http.MethodGet, "a/b/c/"+long[:maxName]), "a/b/c/"+long[:maxName])); strings.Contains(got, "invalid") {
		t.Error(got)
	}
}

func TestLayouts(t *testing.T) {
	key := cache.AssetKey{Package: cache.Package{Format: "generic", Namespace: "acme", Name: "a%b"}, Version: "1:2?3", Asset: "x y/z&.zip"}
	for layout, want := range map[string]string{
		"": "./acme/a%25b/1:2%3F3/x%20y/z&.zip",
		"{namespace}/{name}/releases/download/{version}/{asset}": "./acme/a%25b/releases/download/1:2%3F3/x%20y/z&.zip",
		"/dist/v{version}/{asset}":                               "./dist/v1:2%3F3/x%20y/z&.zip",
		"{version}/{package}-{version}/{asset}":                  "./1:2%3F3/a%25b-1:2%3F3/x%20y/z&.zip",
		"{asset}":                                                "./x%20y/z&.zip",
		"{version}":                                              "error",
		"{asset}/{asset}":                                        "error",
		"{os}/{asset}":                                           "error",
		"{asset":                                                 "error",
		"a}/{asset}":                                             "error",
		"../{asset}":                                             "error",
		"a//{asset}":                                             "error",
		"//host.example/{asset}":                                 "error",
		"{asset}?a=b":                                            "error",
		"{asset}#a":                                              "error",
		"{asset}/%zz":                                            "error",
	} {
		f, err := New(Options{Layout: map[string]string{"private:x": layout}})
		got := "error"
		if err == nil {
			l, err := f.Listing(t.Context(), key.Package, &formattest.Registry{Name: "private:x"})
			if err != nil {
				t.Fatal(err)
			}
			ref, err := f.Locate(key, l)
			if err != nil || ref.Sums != nil {
				t.Errorf("%s: %+v %v", layout, ref, err)
			}
			got = ref.URL
		} else if !strings.Contains(err.Error(), `"private:x"`) {
			t.Errorf("%q does not say whose layout it is", err)
		}
		if got != want {
			t.Errorf("%q: %s (%v), want %s", layout, got, err, want)
		}
	}
}

// Asked for what stands for a version, no file does: a version of this format is not compared by its sums.
func TestLocateNothing(t *testing.T) {
	f := newFormat(t, nil)
	l, err := f.Listing(t.Context(), tools, &formattest.Registry{})
	if err != nil || len(l.Versions) != 0 {
		t.Fatal(l, err)
	}
	for _, c := range []struct {
		asset string
		l     *cache.Listing
	}{{"", l}, {"a.zip", &cache.Listing{Package: tools}}} {
		if ref, err := f.Locate(cache.AssetKey{Package: tools, Version: "1", Asset: c.asset}, c.l); !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%+v, %v", ref, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	formattest.FuzzParse(f, newFormat(f, nil), "a/b", "a/b/", "a/b/c", "a/b/c/d", "a/b/c/d/e%2Ff", "a/b/c/~!@^&()-_+[]{};,. x",
		"a/b/c/..", "a/%2e%2e/c/d", "a/b/c/d%5C", "a/b/c/%00", "%ff/b/c/d")
}
