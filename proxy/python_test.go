package proxy_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/pypi"
	"entrepot/proxy/policy"
)

// python is a chain with a registry behind it.
var python = setup{
	formats: []format.Format{pypi.Format{}},
	repos: []repo{
		{name: "store", connection: "public:pypi"}, {name: "near"}, {name: "far", upstreams: []string{"store"}},
		{name: "main", upstreams: []string{"near", "far"}},
	},
}

const simpleJSON = "application/vnd.pypi.simple.v1+json"

// simple is a project's document.
type simple struct {
	Versions []string
	Files    []struct {
		Filename, URL string
		CoreMetadata  any `json:"core-metadata"`
		Yanked        any
	}
}

func (s *site) project(repository, name string) (doc simple) {
	s.t.Helper()
	s.must(json.Unmarshal(s.ok("pypi/"+repository+"/simple/"+name+"/", "Accept", simpleJSON, "Cache-Control", "no-cache"), &doc))
	return doc
}

// names are the files of a document, in order.
func (d *simple) names() string {
	var names []string
	for _, f := range d.Files {
		names = append(names, f.Filename)
	}
	return strings.Join(names, " ")
}

// uploadWheel uploads a file as twine does.
func (s *site) uploadWheel(repository, name, version string, f registry.PyPIFile) (file string, body []byte) {
	s.t.Helper()
	file, body = registry.New(registry.Options{}).AddPyPI(name, version, f)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range [][2]string{{":action", "file_upload"}, {"protocol_version", "1"}, {"name", name}, {"version", version}} {
		s.must(w.WriteField(field[0], field[1]))
	}
	part, err := w.CreateFormFile("content", file)
	s.must(err)
	_, err = part.Write(body)
	s.must(err)
	s.must(w.Close())
	r := s.do(http.MethodPost, "pypi/"+repository+"/", &b, "Content-Type", w.FormDataContentType(), "Authorization", "Bearer "+publisher)
	if r.err != nil || r.status != http.StatusOK {
		s.t.Fatalf("upload %s: %d %s %v", file, r.status, r.body, r.err)
	}
	return file, body
}

// TestPythonWithTheRegistryGone: what was asked once, the index in both forms, files, metadata and provenance, is there
// when the registry is not.
func TestPythonWithTheRegistryGone(t *testing.T) {
	s := start(t, python)
	name, wheel := s.registry.AddPyPI("My.Demo", "1.0", registry.PyPIFile{Size: 200_000, Attested: true})
	at := "pypi/main/simple/my-demo/1.0/" + name
	docs := []string{"pypi/main/simple/my-demo/", "pypi/main/simple/my-demo/?format=" + simpleJSON, at + ".metadata", "pypi/main/integrity/my-demo/1.0/" + name + "/provenance"}
	read := func(path string) string { // but for our own address, which changes
		return strings.ReplaceAll(string(s.ok(path)), s.url, "/")
	}
	var want []string
	for _, path := range docs {
		want = append(want, read(path))
	}
	s.serves(at, wheel)
	s.remote.Down()
	s.restart()
	for i, path := range docs {
		if got := read(path); got != want[i] {
			t.Errorf("%s is\n%s\nand was\n%s", path, got, want[i])
		}
	}
	s.serves(at, wheel)
	s.fails("pypi/main/simple/other/", http.StatusBadGateway, "upstream")
}

// bytesOf counts the bytes that the registry sent of files whose names end so.
func (s *site) bytesOf(suffix string) (n int64) {
	for _, r := range s.registry.Log() {
		if strings.HasSuffix(r.Path, suffix) {
			n += r.Bytes
		}
	}
	return n
}

// TestPythonOfAnOldRegistry: behind a registry that has HTML only and no metadata, clients still see metadata, and
// nobody fetches a wheel for it.
func TestPythonOfAnOldRegistry(t *testing.T) {
	s := start(t, python)
	name, wheel := s.registry.AddPyPI("demo", "1.0", registry.PyPIFile{Size: 300_000, Requires: []string{"six"}, Bare: true})
	s.registry.OldPyPI()
	doc := s.project("main", "demo")
	if len(doc.Files) != 1 || doc.Files[0].CoreMetadata != true {
		t.Fatalf("%+v", doc)
	}
	got := s.ok("pypi/main/simple/demo/1.0/" + name + ".metadata")
	z, err := zip.NewReader(bytes.NewReader(wheel), int64(len(wheel)))
	s.must(err)
	f, err := z.Open("demo-1.0.dist-info/METADATA")
	s.must(err)
	var inside bytes.Buffer
	_, err = inside.ReadFrom(f)
	s.must(err)
	if !bytes.Equal(got, inside.Bytes()) {
		t.Errorf("metadata is %q, and in the wheel %q", got, inside.String())
	}
	eventually(t, "the registry's log", func() bool { return s.bytesOf(".whl") > 0 })
	if n := s.bytesOf(".whl"); n > 130_000 {
		t.Errorf("%d bytes of the wheel were fetched", n)
	}
	s.serves("pypi/main/simple/demo/1.0/"+name, wheel)
}

// TestPythonMerge: the union of what was published and what is taken from outside, each version from its first place,
// and no shorter list when the registry is down.
func TestPythonMerge(t *testing.T) {
	s := start(t, python)
	s.registry.AddPyPI("shared", "1.0", registry.PyPIFile{})
	outside, _ := s.registry.AddPyPI("shared", "1.1", registry.PyPIFile{})
	s.registry.AddPyPI("shared", "1.1", registry.PyPIFile{Tag: "sdist"})
	s.ok("pypi/main/simple/shared/1.0/shared-1.0-py3-none-any.whl")
	if doc := s.project("main", "shared"); doc.names() != "shared-1.0-py3-none-any.whl "+outside+" shared-1.1.tar.gz" {
		t.Errorf("it has %s", doc.names())
	}
	near, body := s.uploadWheel("near", "Shared", "1.1", registry.PyPIFile{Seed: 7, Size: 1000})
	if doc := s.project("main", "shared"); doc.names() != near {
		t.Errorf("the name is private now, and it has %s", doc.names())
	}
	s.serves("pypi/main/simple/shared/1.1/"+near, body)
	s.fails("pypi/main/simple/shared/1.0/shared-1.0-py3-none-any.whl", http.StatusNotFound, "absent")
	s.must(s.domain.Repository("near").Edit(t.Context(), cache.Package{Format: "pypi", Name: "shared"}, func(h *cache.Holding) error {
		h.Controls = cache.Controls{Publish: cache.Allow, Upstream: cache.Allow}
		return nil
	}))
	for range 2 {
		// No file of the public 1.1, so that one version has one origin.
		if doc := s.project("main", "shared"); doc.names() != "shared-1.0-py3-none-any.whl "+near {
			t.Errorf("it has %s", doc.names())
		}
		s.serves("pypi/main/simple/shared/1.1/"+near, body)
		s.fails("pypi/main/simple/shared/1.1/shared-1.1.tar.gz", http.StatusNotFound, "absent")
		s.remote.Down()
		s.restart()
	}
}

// TestPythonVersionThatGrows: files that join a version later come to who retained it before, from a registry and from
// a repository upstream, and so does a yank.
func TestPythonVersionThatGrows(t *testing.T) {
	s := start(t, python)
	first, _ := s.registry.AddPyPI("outside", "1.0", registry.PyPIFile{})
	s.ok("pypi/main/simple/outside/1.0/" + first)
	second, body := s.registry.AddPyPI("outside", "1.0", registry.PyPIFile{Tag: "sdist", Yanked: "broken"})
	eventually(t, "the file that joined", func() bool {
		doc := s.project("main", "outside")
		return doc.names() == first+" "+second && doc.Files[1].Yanked == "broken"
	})
	s.serves("pypi/main/simple/outside/1.0/"+second, body)

	first, _ = s.uploadWheel("near", "inside", "1.0", registry.PyPIFile{})
	s.ok("pypi/main/simple/inside/1.0/" + first)
	second, body = s.uploadWheel("near", "inside", "1.0", registry.PyPIFile{Tag: "sdist"})
	if doc := s.project("main", "inside"); doc.names() != first+" "+second {
		t.Errorf("it has %s", doc.names())
	}
	s.serves("pypi/main/simple/inside/1.0/"+second, body)
	if r := s.do(http.MethodPost, "pypi/near/pypi/inside/1.0/yank", nil, "Authorization", "Bearer "+publisher); r.status != http.StatusNoContent {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if doc := s.project("main", "inside"); doc.Files[0].Yanked != true || doc.Files[1].Yanked != true {
		t.Errorf("%+v", doc)
	}
}

// TestInvariant7AYoungFileOfAnOldRelease: rules about age hold for each file, in every form of the index and on the files
// themselves, metadata included.
func TestInvariant7AYoungFileOfAnOldRelease(t *testing.T) {
	s := start(t, python)
	old, body := s.registry.AddPyPI("demo", "1.0", registry.PyPIFile{Published: time.Now().Add(-1000 * time.Hour)})
	young, _ := s.registry.AddPyPI("demo", "1.0", registry.PyPIFile{Tag: "cp311-cp311-any", Published: time.Now().Add(-time.Minute)})
	s.registry.AddPyPI("demo", "1.1", registry.PyPIFile{Published: time.Now().Add(-time.Minute)})
	rule := cooldown(t)
	match, err := policy.ParseSelector("/pypi/*")
	s.must(err)
	rule.Match = []policy.Selector{match}
	s.enforce(rule)
	for range 2 { // the second answer is warm
		if doc := s.project("main", "demo"); doc.names() != old || strings.Join(doc.Versions, " ") != "1.0" {
			t.Errorf("the index shows %+v", doc)
		}
		for _, path := range []string{"simple/demo/", "pypi/demo/json"} {
			if page := s.ok("pypi/main/" + path); bytes.Contains(page, []byte(young)) || !bytes.Contains(page, []byte(old)) || bytes.Contains(page, []byte("demo-1.1")) {
				t.Errorf("%s is %s", path, page)
			}
		}
	}
	s.serves("pypi/main/simple/demo/1.0/"+old, body)
	for _, path := range []string{"1.0/" + young, "1.0/" + young + ".metadata", "1.1/demo-1.1-py3-none-any.whl"} {
		s.fails("pypi/main/simple/demo/"+path, http.StatusForbidden, "refused")
	}
}
