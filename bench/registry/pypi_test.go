package registry

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPyPI(t *testing.T) {
	r := New(Options{})
	name, wheel := r.AddPyPI("My.Demo", "1.0", PyPIFile{Requires: []string{"six"}, RequiresPython: ">=3.8", Size: 1000})
	r.AddPyPI("My.Demo", "1.0", PyPIFile{Tag: "sdist"})
	r.AddPyPI("My.Demo", "1.1", PyPIFile{Bare: true, Yanked: "broken"})
	s := httptest.NewServer(r)
	defer s.Close()

	var doc struct {
		Versions []string
		Files    []struct {
			Filename, URL string
			Hashes        map[string]string
			CoreMetadata  map[string]string `json:"core-metadata"`
		}
	}
	if err := json.Unmarshal(fetchPyPI(t, s.URL+"/pypi/simple/my-demo/", simpleJSON), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Files) != 3 || strings.Join(doc.Versions, " ") != "1.0 1.1" || doc.Files[2].CoreMetadata != nil {
		t.Errorf("%+v", doc)
	}
	first := doc.Files[0]
	if got := fetchPyPI(t, first.URL, ""); !bytes.Equal(got, wheel) || first.Filename != name || hexSum(got) != first.Hashes["sha256"] {
		t.Errorf("%s is not what was added", first.Filename)
	}
	metadata := fetchPyPI(t, first.URL+".metadata", "")
	if hexSum(metadata) != first.CoreMetadata["sha256"] || !strings.Contains(string(metadata), "Requires-Dist: six\n") {
		t.Errorf("metadata is %q", metadata)
	}
	z, err := zip.NewReader(bytes.NewReader(wheel), int64(len(wheel)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("my_demo-1.0.dist-info/METADATA")
	if err != nil {
		t.Fatal(err)
	}
	if inside, err := io.ReadAll(f); err != nil || !bytes.Equal(inside, metadata) {
		t.Errorf("the wheel has %q, the registry %q (%v)", inside, metadata, err)
	}
	r.OldPyPI()
	if page := fetchPyPI(t, s.URL+"/pypi/simple/my-demo/", simpleJSON); !bytes.Contains(page, []byte("<a href=\"../../files/my-demo/"+name+"#sha256="+first.Hashes["sha256"])) {
		t.Errorf("the page is %s", page)
	}
}

func fetchPyPI(t *testing.T, url, accept string) []byte {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return b
}
