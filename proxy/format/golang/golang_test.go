package golang

import (
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

func newFormat(t testing.TB, sumdb map[string]string) *Format {
	t.Helper()
	f, err := New(Options{SumDB: sumdb})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) { formattest.Parse(t, newFormat(t, nil), "testdata/parse.txt") }

func TestParseRefusesLongNames(t *testing.T) {
	f := newFormat(t, nil)
	for _, path := range []string{
		"example.com/" + strings.Repeat("a", 5000) + "/@v/list",
		"example.com/" + strings.Repeat("a", 250) + "/@v/list",
		"example.com/m/@v/" + strings.Repeat("a", 300) + ".info",
		"sumdb/sumdb.example/lookup/example.com/" + strings.Repeat("a", 250) + "@v1.0.0",
		"sumdb/sumdb.example/lookup/example.com/m@v1.0.0-" + strings.Repeat("a", 250),
	} {
		if got := formattest.Describe(f.Parse(formattest.Request(http.MethodGet, path), path)); got != "invalid 400" {
			t.Errorf("%.60s…: %s", path, got)
		}
	}
}

func TestRecognise(t *testing.T) {
	f := newFormat(t, nil)
	for path, want := range map[string]bool{
		"/example.com/m/@v/list":                             true,
		"/example.com/!m/@latest":                            true,
		"/example.com/%21m/@v/v1.0.0.info":                   true,
		"/proxy/goproxy/example.com/m/@v/main.info":          true,
		"/sumdb/sumdb.example/supported":                     true,
		"/x/sumdb/sumdb.example/lookup/example.com/m@v1.0.0": true,
		"/@v/list":                     false, // an npm package
		"/@v/list/-/list-1.0.0.tgz":    false,
		"/left-pad/latest":             false,
		"/example.com/m/@v/v1.0.0.txt": false,
		"/sumdb/":                      false,
		"/":                            false,
	} {
		r, err := http.NewRequest(http.MethodGet, "http://registry.example"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Recognise(r); got != want {
			t.Errorf("Recognise(%s) = %v", path, got)
		}
		r.Method = http.MethodPost
		if f.Recognise(r) {
			t.Errorf("a POST of %s is recognised", path)
		}
	}
}

func TestOptions(t *testing.T) {
	for setting, ok := range map[string]bool{
		"off":                               true,
		"sumdb.example":                     true,
		"sumdb.example/path":                true,
		"sumdb.example https://a.example/x": true,
		"":                                  false,
		"a b c":                             false,
		"sumdb.example+0+x":                 false,
		"sumdb.example not-an-address":      false,
		"sumdb.example/":                    false,
		"sumdb.example?x":                   false,
		"user@sumdb.example":                false,
	} {
		if _, err := New(Options{SumDB: map[string]string{"public:go": setting}}); (err == nil) != ok {
			t.Errorf("%q: %v", setting, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	formattest.FuzzParse(f, newFormat(f, nil),
		"example.com/m/@v/list", "example.com/!azure/@v/v1.2.3.info", "cached-only/example.com/m/@latest", "example.com/m/@v/main.info",
		"sumdb/sumdb.example/lookup/example.com/m@v1.0.0", "sumdb/sumdb.example/tile/8/0/x001/234.p/5", "example.com/m/v2/@v/v2.0.0.zip",
	)
}

func key(mod, version, ext string) cache.AssetKey {
	return cache.AssetKey{Package: cache.Package{Format: "go", Name: mod}, Version: version, Asset: version + "." + ext}
}
