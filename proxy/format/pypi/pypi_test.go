package pypi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

func TestParse(t *testing.T) { formattest.Parse(t, Format{}, "testdata/parse.txt") }

func TestGolden(t *testing.T) { formattest.Golden(t, Format{}, "testdata/*.txtar", indent) }

func TestRoundTrip(t *testing.T) {
	for _, view := range []string{viewJSON, viewHTML} {
		t.Run(view, func(t *testing.T) {
			formattest.RoundTrip(t, Format{}, "testdata/*.txtar", func(p cache.Package) map[string]string {
				return map[string]string{view: p.Name + "/"}
			})
		})
	}
}

// indent makes a document readable, without changing the order of anything.
func indent(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, b, "", " ") != nil {
		return b
	}
	return out.Bytes()
}

func FuzzParse(f *testing.F) {
	formattest.FuzzParse(f, Format{}, "", "simple", "simple/", "simple/Requests", "simple/requests/", "simple/requests/?format=x",
		"simple/requests/2.32.3/requests-2.32.3-py3-none-any.whl", "simple/requests/2.32.3/requests-2.32.3-py3-none-any.whl.metadata",
		"integrity/requests/2.32.3/requests-2.32.3.tar.gz/provenance", "packages/aa/bb/cc/requests-2.32.3.tar.gz",
		"pypi/requests/json", "pypi/requests/2.32.3/json", "pypi/requests/2.32.3/yank", "legacy/", "simple/a/1!2.0+x/a-1!2.0+x.zip", "simple/%2e%2e/")
}

func FuzzListing(f *testing.F) {
	a := cache.AssetKey{Package: cache.Package{Format: "pypi", Name: "a-b"}, Asset: "a_b-1.0-py3-none-any.whl.metadata"}
	formattest.FuzzListing(f, Format{}, a, "a-b/", []string{viewJSON, viewHTML},
		`{"meta":{"api-version":"1.4"},"name":"a-b","versions":["1.0"],"files":[{"filename":"a_b-1.0-py3-none-any.whl","url":"../x","hashes":{"sha256":"00"},"size":1,"upload-time":"2020-01-01T00:00:00Z","core-metadata":{"sha256":"00"},"yanked":"why"},{"filename":"A.B-2.tar.gz","url":"y"},{"filename":"a-b-1.0.tar.gz","url":"z","provenance":null}]}`,
		`<html><base href="/x/"><a href="a-b-1.0.zip#md5=00" data-yanked data-core-metadata="sha256=00">x</a><meta name="pypi:project-status" content="quarantined">`,
		`{"files":{}}`, `{"files":[1,{},{"filename":1}]}`)
}

func TestRecognise(t *testing.T) {
	for _, tt := range []struct {
		path, header, value string
		want                bool
	}{
		{"/simple/requests/", "", "", true},
		{"/simple/Requests/", "", "", false},
		{"/requests", "User-Agent", "pip/25.0 {}", true},
		{"/requests", "User-Agent", "uv/0.9.0", true},
		{"/requests", "Accept", typeJSON, true},
		{"/requests", "User-Agent", "npm/10", false},
		{"/simple/", "", "", false},
	} {
		r, err := http.NewRequest(http.MethodGet, "http://registry.example"+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		if got := (Format{}).Recognise(r); got != tt.want {
			t.Errorf("%s %s: %v", tt.path, tt.value, got)
		}
	}
}
