package pypi

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// zipped is a zip archive of files by name, in order.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarred is a compressed tar archive of files by name, in order.
func tarred(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const metadataOfA = "Metadata-Version: 2.1\nName: A\nVersion: 1.0\nSummary: first\n  and second\nRequires-Dist: six\nRequires-Dist: b>1\n\nread: me\n"

func wheelOfA(t testing.TB) []byte {
	return zipped(t, "a/__init__.py", strings.Repeat("x = 1\n", 100), "a-1.0.dist-info/METADATA", metadataOfA)
}

func keyOfA(asset string) cache.AssetKey {
	return cache.AssetKey{Package: project("a"), Version: "1.0", Asset: asset}
}

const locateDocument = `{"files":[
{"filename":"a-1.0-py3-none-any.whl","url":"../../f%2Fg/a-1.0-py3-none-any.whl?x=1#sha256=00","hashes":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","blake2b":"00","md5":"short"},"size":9,"upload-time":"2024-01-02T00:00:00Z","core-metadata":{"sha256":"0000000000000000000000000000000000000000000000000000000000000001"},"provenance":"https://registry.example/p"},
{"filename":"a-1.0-py2-none-any.whl","url":"https://files.registry.example/a-1.0-py2-none-any.whl","hashes":{},"gpg-sig":true,"upload-time":"2024-01-01T00:00:00Z"},
{"filename":"a-1.0.tar.gz","url":"ftp://files.registry.example/a-1.0.tar.gz","hashes":{}},
{"filename":"a-1.0.zip","url":"a-1.0.zip","hashes":{"md5":"d41d8cd98f00b204e9800998ecf8427e"},"core-metadata":true,"gpg-sig":false,"upload-time":"2023-01-01T00:00:00Z"}]}`

func TestLocate(t *testing.T) {
	l, err := Format{}.Listing(context.Background(), project("a"), formattest.NewRegistry(map[string]string{"a/": locateDocument}))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for asset, want := range map[string]string{
		"a-1.0-py3-none-any.whl":            "/f%2Fg/a-1.0-py3-none-any.whl?x=1 sums=1 size=9",
		"a-1.0-py3-none-any.whl.metadata":   "/f%2Fg/a-1.0-py3-none-any.whl.metadata?x=1 sums=1",
		"a-1.0-py3-none-any.whl.provenance": "https://registry.example/p check",
		"a-1.0-py3-none-any.whl.asc":        "/f%2Fg/a-1.0-py3-none-any.whl.asc?x=1 check",
		"a-1.0-py2-none-any.whl":            "https://files.registry.example/a-1.0-py2-none-any.whl check",
		"a-1.0-py2-none-any.whl.asc":        "https://files.registry.example/a-1.0-py2-none-any.whl.asc check",
		"a-1.0-py2-none-any.whl.metadata":   " check make",
		"a-1.0-py2-none-any.whl.provenance": "absent",
		"a-1.0.tar.gz":                      "invalid",
		"a-1.0.tar.gz.metadata":             "absent",
		"a-1.0.zip":                         "a/a-1.0.zip sums=1",
		"a-1.0.zip.metadata":                "a/a-1.0.zip.metadata check",
		"a-1.0.zip.asc":                     "absent",
		"a-1.0.egg":                         "absent",
		"":                                  " sums=1", // the zip's, which was uploaded first of those with a time
	} {
		if got := describe(Format{}.Locate(keyOfA(asset), l)); strings.TrimPrefix(got, "/") != strings.TrimPrefix(want, "/") {
			t.Errorf("%q is at %q, want %q", asset, got, want)
		}
	}
	if _, err := (Format{}).Locate(cache.AssetKey{Package: project("a"), Version: "2.0", Asset: "x"}, l); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("a version that is not there: %v", err)
	}
}

func describe(ref format.Ref, err error) string {
	var invalid *cache.Invalid
	switch {
	case errors.Is(err, cache.ErrAbsent):
		return "absent"
	case errors.As(err, &invalid):
		return "invalid"
	case err != nil:
		return err.Error()
	}
	s := ref.URL
	if len(ref.Sums) > 0 {
		s += fmt.Sprintf(" sums=%d", len(ref.Sums))
	}
	if ref.Size > 0 {
		s += fmt.Sprintf(" size=%d", ref.Size)
	}
	if ref.Check != nil {
		s += " check"
	}
	if ref.Make != nil {
		s += " make"
	}
	return s
}

// parts is a registry that gives parts of a file.
type parts struct {
	*formattest.Registry
	file   []byte
	ranges []string
}

func (p *parts) Do(r *http.Request) (*http.Response, error) {
	p.ranges = append(p.ranges, r.Header.Get("Range"))
	w := newRecorder()
	http.ServeContent(w, r, "", formattest.Published, bytes.NewReader(p.file))
	return w.result(), nil
}

func TestMakeMetadata(t *testing.T) {
	small := wheelOfA(t)
	large := zipped(t, "a-1.0.dist-info/METADATA", metadataOfA, "a/data", randomText(300<<10))
	for name, tt := range map[string]struct {
		wheel  []byte
		ranges int
	}{"small": {small, 1}, "large": {large, 2}} {
		t.Run(name, func(t *testing.T) {
			g := &parts{Registry: formattest.NewRegistry(nil), file: tt.wheel}
			b, err := makeMetadata(context.Background(), g, "f/a-1.0-py3-none-any.whl", &file{name: "a-1.0-py3-none-any.whl"})
			if err != nil || string(b) != metadataOfA {
				t.Errorf("%q, %v", b, err)
			}
			if len(g.ranges) != tt.ranges || len(g.Queries()) != 0 {
				t.Errorf("it asked for %q, and %d times for all of it", g.ranges, len(g.Queries()))
			}
		})
	}
}

func TestMakeMetadataOfAnOldRegistry(t *testing.T) {
	const at = "f/a-1.0-py3-none-any.whl"
	good := &file{name: "a-1.0-py3-none-any.whl"}
	bad := &file{name: good.name, hashes: []checksum{{"sha256", strings.Repeat("00", 32)}}}
	for name, tt := range map[string]struct {
		body string
		file *file
		ok   bool
	}{
		"whole":       {string(wheelOfA(t)), good, true},
		"other bytes": {string(wheelOfA(t)), bad, false},
		"no wheel":    {"no wheel", good, false},
		"no metadata": {string(zipped(t, "a/b", "c")), good, false},
	} {
		g := formattest.NewRegistry(map[string]string{at: tt.body}) // which answers a request for a part with the whole
		b, err := makeMetadata(context.Background(), g, at, tt.file)
		var down *cache.Unavailable
		if tt.ok && (err != nil || string(b) != metadataOfA) || !tt.ok && !errors.As(err, &down) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	_, err := makeMetadata(context.Background(), formattest.NewRegistry(nil), at, good)
	if !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("a wheel that is gone: %v", err)
	}
}

func TestContentRange(t *testing.T) {
	for in, ok := range map[string]bool{
		"bytes 0-9/10": true, "bytes 5-9/100": true, "bytes 0-10/10": false, "bytes 9-0/10": false, "bytes */10": false,
		"bytes 0-9/*": false, "items 0-9/10": false, "": false, "bytes -1-9/10": false, "bytes 0-9223372036854775807/9223372036854775807": false,
	} {
		if _, _, _, got := contentRange(in); got != ok {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestCheckDistribution(t *testing.T) {
	wheel := wheelOfA(t)
	sdist := tarred(t, "a-1.0/PKG-INFO", metadataOfA, "a-1.0/a.egg-info/PKG-INFO", "Name: wrong\n")
	for name, tt := range map[string]struct {
		file string
		body []byte
		ok   bool
	}{
		"wheel":            {"a-1.0-py3-none-any.whl", wheel, true},
		"wheel cut short":  {"a-1.0-py3-none-any.whl", wheel[:len(wheel)-10], false},
		"sdist":            {"a-1.0.tar.gz", sdist, true},
		"sdist cut short":  {"a-1.0.tar.gz", sdist[:len(sdist)-10], false},
		"old sdist":        {"a-1.0.tar.gz", tarred(t, "a-1.0/setup.py", "x"), true},
		"another's sdist":  {"a-1.0.tar.gz", tarred(t, "a-1.0/PKG-INFO", "Name: a\nVersion: 2.0\n"), false},
		"zip":              {"a-1.0.zip", zipped(t, "a-1.0/setup.py", "x"), true},
		"page for a zip":   {"a-1.0.zip", []byte("<html>"), false},
		"page for a wheel": {"a-1.0-py3-none-any.whl", []byte("<html>"), false},
	} {
		err := checkDistribution(bytes.NewReader(tt.body), int64(len(tt.body)), tt.file, keyOfA(tt.file))
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBombsAreNotUnpacked: what unpacks to far more than it takes is refused before it is unpacked.
func TestBombsAreNotUnpacked(t *testing.T) {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	const size = 2 * slack
	if err := w.WriteHeader(&tar.Header{Name: "a-1.0/zeros", Mode: 0o644, Size: size}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size / len(zeros) {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readMetadata(bytes.NewReader(b.Bytes()), int64(b.Len()), "a-1.0.tar.gz"); err == nil || errors.Is(err, errNoMetadata) {
		t.Errorf("%d bytes that unpack to %d are accepted: %v", b.Len(), size, err)
	}
}

func TestParseMetadata(t *testing.T) {
	m := parseMetadata([]byte(metadataOfA))
	if m.one("name") != "A" || strings.Join(m["requires-dist"], ",") != "six,b>1" || m.one("summary") != "first\nand second" || m["read"] != nil {
		t.Errorf("%v", m)
	}
	m = parseMetadata([]byte("Description: long\n        |text\nName: a\r\nno header\nLicense: \xff\n"))
	if m.one("name") != "a" || m["description"] != nil || m.one("license") != "\uFFFD" {
		t.Errorf("%v", m)
	}
}

// TestQuarantined: what was taken from a registry before is not shown either; what was published here is.
func TestQuarantined(t *testing.T) {
	l, err := Format{}.Listing(context.Background(), project("a"), formattest.NewRegistry(map[string]string{
		"a/": `{"project-status":{"status":"quarantined"},"files":[{"filename":"a-1.0.zip","url":"x"}]}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if len(l.Versions) != 0 {
		t.Errorf("it lists %v", l.Versions)
	}
	l.Versions = []cache.Version{
		{Version: "1.0", Origin: cache.Origin{Connection: "public:pypi"}, Raw: bytesFragment([]byte(`{"filename":"a-1.0.zip","url":"x"}`))},
		{Version: "9.0", Origin: cache.Origin{Repository: "team"}, Raw: bytesFragment([]byte(`{"filename":"a-9.0.zip","url":"x"}`))},
	}
	var b bytes.Buffer
	if err := (Format{}).Encode(&b, l, format.View{Name: viewJSON}); err != nil || strings.Contains(b.String(), "a-1.0") || !strings.Contains(b.String(), "a-9.0") {
		t.Errorf("%v, %s", err, b.String())
	}
}

// TestMetadataOfEveryWheel: a registry's wheel has core metadata, unless the registry says no; ours has what it has.
func TestMetadataOfEveryWheel(t *testing.T) {
	raw := bytesFragment([]byte(`{"filename":"a-1.0-py3-none-any.whl","url":"x"},{"filename":"a-1.0-py2-none-any.whl","url":"x","core-metadata":false},{"filename":"a-1.0.zip","url":"x"}`))
	for name, tt := range map[string]struct {
		origin cache.Origin
		want   int
	}{"registry's": {cache.Origin{Connection: "public:pypi"}, 1}, "ours": {cache.Origin{Repository: "team"}, 0}} {
		l := &cache.Listing{Package: project("a"), Versions: []cache.Version{{Version: "1.0", Origin: tt.origin, Raw: raw}}}
		for view, mark := range map[string]string{viewJSON: `"core-metadata":true`, viewHTML: `data-core-metadata="true"`} {
			var b bytes.Buffer
			if err := (Format{}).Encode(&b, l, format.View{Name: view}); err != nil || strings.Count(b.String(), mark) != tt.want {
				t.Errorf("%s: %v, %s", name, err, b.String())
			}
		}
	}
}
