package cargo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func viewOf(name string) format.View { return format.View{Name: name, Base: formattest.Base} }

// do sends a request through Parse and Serve.
func do(t testing.TB, d format.Desk, method, path string, body []byte) (*httptest.ResponseRecorder, error) {
	t.Helper()
	r := httptest.NewRequest(method, "http://entrepot.example/"+path, bytes.NewReader(body))
	path, _, _ = strings.Cut(path, "?")
	want, err := Format{}.Parse(r, path)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	return w, Format{}.Serve(w, r, want, viewOf(want.View), d)
}

// packed is a .crate of files by name, in order.
func packed(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))}
		if target, ok := strings.CutPrefix(files[i+1], "-> "); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, files[i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func manifest(name, version string) string {
	return "[package]\nname = \"" + name + "\"\nversion = '" + version + "'\n[dependencies]\nx = { version = \"1\" }\n"
}

// crateOf is a good .crate.
func crateOf(t testing.TB, name, version string) []byte {
	t.Helper()
	return packed(t, name+"-"+version+"/Cargo.toml", manifest(name, version), name+"-"+version+"/src/lib.rs", "")
}

// body is what cargo sends to publish.
func body(metadata string, crate []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(metadata)))
	b = binary.LittleEndian.AppendUint32(append(b, metadata...), uint32(len(crate)))
	return append(b, crate...)
}

func put(t testing.TB, d format.Desk, metadata string, crate []byte) error {
	t.Helper()
	_, err := do(t, d, http.MethodPut, "api/v1/crates/new", body(metadata, crate))
	return err
}

// index is what clients see of a crate.
func index(t *testing.T, d *formattest.Desk, name string) string {
	t.Helper()
	l, err := d.Listing(t.Context(), packageOf(name))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	if err := (Format{}).Encode(&b, l, viewOf(viewIndex)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const fullMetadata = `{"name":"Foo_Bar","vers":"1.2.3-rc.1+b","deps":[
 {"name":"serde","version_req":">=1, <2","features":["derive"],"optional":true,"default_features":false,"target":"cfg(unix)","kind":"dev","registry":"https://index.example","explicit_name_in_toml":null},
 {"name":"real","version_req":"^1","features":[],"optional":false,"default_features":true,"target":null,"kind":"build","registry":null,"explicit_name_in_toml":"called"},
 {"name":"bare","version_req":"*"}],
 "features":{"old":["serde"],"new":["dep:serde"],"weak":["serde?/std"],"none":[]},
 "authors":["a"],"description":"what it does","documentation":null,"homepage":null,"readme":"# long","keywords":["k"],"categories":[],"license":"MIT","badges":{},"links":"z","rust_version":"1.70"}`

func TestPublish(t *testing.T) {
	d := &formattest.Desk{Who: &formattest.Identity{User: "ci"}}
	crate := crateOf(t, "Foo_Bar", "1.2.3-rc.1+b")
	w, err := do(t, d, http.MethodPut, "api/v1/crates/new", body(fullMetadata, crate))
	if err != nil || w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"invalid_categories":[]`) {
		t.Fatalf("%v %v", w, err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(index(t, d, "foo_bar")), &got); err != nil {
		t.Fatal(err)
	}
	if got["pubtime"] == "" || len(got["cksum"].(string)) != 64 {
		t.Errorf("%v", got)
	}
	delete(got, "pubtime")
	delete(got, "cksum")
	b, _ := json.Marshal(got)
	const want = `{"deps":[` +
		`{"default_features":false,"features":["derive"],"kind":"dev","name":"serde","optional":true,"registry":"https://index.example","req":"\u003e=1, \u003c2","target":"cfg(unix)"},` +
		`{"default_features":true,"features":[],"kind":"build","name":"called","optional":false,"package":"real","req":"^1","target":null},` +
		`{"default_features":false,"features":[],"kind":"normal","name":"bare","optional":false,"req":"*","target":null}],` +
		`"features":{"none":[],"old":["serde"]},"features2":{"new":["dep:serde"],"weak":["serde?/std"]},` +
		`"links":"z","name":"Foo_Bar","rust_version":"1.70","v":2,"vers":"1.2.3-rc.1+b","yanked":false}`
	if string(b) != want {
		t.Errorf("the line is\n%s\nwant\n%s", b, want)
	}
	key := cache.AssetKey{Package: packageOf("foo_bar"), Version: "1.2.3-rc.1+b", Asset: "foo_bar-1.2.3-rc.1+b.crate"}
	if !bytes.Equal(d.Bytes(key), crate) || d.OpenSpools() != 0 {
		t.Errorf("%d bytes are stored, %d spools open", len(d.Bytes(key)), d.OpenSpools())
	}
	meta := readAbout(d.Holding(key.Package).Meta)
	if meta.Name != "Foo_Bar" || meta.Description != "what it does" || !slices.Equal(meta.Owners, []string{"ci"}) {
		t.Errorf("%+v", meta)
	}
}

func simple(name, version string) string {
	return `{"name":"` + name + `","vers":"` + version + `","deps":[],"features":{}}`
}

func TestPublishAgain(t *testing.T) {
	d := new(formattest.Desk)
	for range 2 {
		if err := put(t, d, simple("foo", "1.0.0"), crateOf(t, "foo", "1.0.0")); err != nil {
			t.Errorf("the same bytes: %v", err)
		}
	}
	other := packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.0"), "foo-1.0.0/x", "y")
	if err := put(t, d, simple("foo", "1.0.0"), other); !errors.Is(err, cache.ErrConflict) {
		t.Errorf("other bytes: %v", err)
	}
	if n := strings.Count(index(t, d, "foo"), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

func TestPublishRefusesWhatNobodyCouldTellApart(t *testing.T) {
	d := new(formattest.Desk)
	if err := put(t, d, simple("foo-bar_baz", "1.0.0+a"), crateOf(t, "foo-bar_baz", "1.0.0+a")); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"foo_bar_baz", "2.0.0"}, {"foo-bar-baz", "2.0.0"}, {"foo_bar-baz", "2.0.0"}, {"Foo-Bar-baz", "2.0.0"},
		{"Foo-bar_baz", "2.0.0"}, {"foo-bar_baz", "1.0.0"}, {"foo-bar_baz", "1.0.0+b"},
	} {
		var invalid *cache.Invalid
		if err := put(t, d, simple(c[0], c[1]), crateOf(t, c[0], c[1])); !errors.As(err, &invalid) || invalid.Status != http.StatusConflict {
			t.Errorf("%s %s: %v", c[0], c[1], err)
		}
	}
	if err := put(t, d, simple("foo-bar_baz", "1.0.1"), crateOf(t, "foo-bar_baz", "1.0.1")); err != nil {
		t.Error(err)
	}
	if n := strings.Count(index(t, d, "foo-bar_baz"), "\n"); n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestPublishRefuses(t *testing.T) {
	good := crateOf(t, "foo", "1.0.0")
	meta := simple("foo", "1.0.0")
	with := func(deps string) []byte {
		return body(`{"name":"foo","vers":"1.0.0","deps":[`+deps+`],"features":{}}`, good)
	}
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"half a length":         {1, 2},
		"metadata cut":          body(meta, good)[:20],
		"no .crate":             body(meta, good)[:4+len(meta)],
		".crate cut":            body(meta, good)[:100],
		"more behind it":        append(body(meta, good), 'x'),
		"metadata is no JSON":   body("{", good),
		"metadata of a type":    body(`{"name":1}`, good),
		"no name":               body(simple("", "1.0.0"), good),
		"bad name":              body(simple("a/b", "1.0.0"), good),
		"name of digits":        body(simple("1a", "1.0.0"), good),
		"long name":             body(simple(strings.Repeat("a", 65), "1.0.0"), good),
		"bad version":           body(simple("foo", "1.0"), good),
		"bad requirement":       with(`{"name":"x","version_req":"latest greatest"}`),
		"bad dependency":        with(`{"name":"../x","version_req":"1"}`),
		"bad alias":             with(`{"name":"x","version_req":"1","explicit_name_in_toml":"a b"}`),
		"bad kind":              with(`{"name":"x","version_req":"1","kind":"other"}`),
		"no gzip":               body(meta, []byte("hello")),
		"gzip cut":              body(meta, good[:len(good)-10]),
		"empty":                 body(meta, packed(t)),
		"no Cargo.toml":         body(meta, packed(t, "foo-1.0.0/x", "")),
		"Cargo.toml elsewhere":  body(meta, packed(t, "foo-1.0.0/x/Cargo.toml", manifest("foo", "1.0.0"))),
		"Cargo.toml twice":      body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.0"), "foo-1.0.0/./Cargo.toml", manifest("foo", "1.0.0"))),
		"Cargo.toml is no TOML": body(meta, packed(t, "foo-1.0.0/Cargo.toml", "[package")),
		"other name":            body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("bar", "1.0.0"))),
		"other spelling":        body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("Foo", "1.0.0"))),
		"other version":         body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.1"))),
		"inherited version":     body(meta, packed(t, "foo-1.0.0/Cargo.toml", "[package]\nname = \"foo\"\nversion.workspace = true\n")),
		"other folder":          body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.0"), "bar-1.0.0/x", "")),
		"outside":               body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.0"), "foo-1.0.0/../../x", "")),
		"backslashes":           body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.0"), `foo-1.0.0/..\..\x`, "")),
		"link":                  body(meta, packed(t, "foo-1.0.0/Cargo.toml", manifest("foo", "1.0.0"), "foo-1.0.0/x", "-> /etc/passwd")),
	} {
		d := new(formattest.Desk)
		_, err := do(t, d, http.MethodPut, "api/v1/crates/new", b)
		if _, ok := errors.AsType[*cache.Invalid](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		if d.Holding(packageOf("foo")) != nil || d.OpenSpools() != 0 {
			t.Errorf("%s: something is left", name)
		}
	}
}

func TestPublishTooLarge(t *testing.T) {
	b := binary.LittleEndian.AppendUint32(nil, maxMetadata+1)
	if _, err := do(t, new(formattest.Desk), http.MethodPut, "api/v1/crates/new", b); !errors.Is(err, cache.ErrTooLarge) {
		t.Errorf("metadata: %v", err)
	}
}

func TestYank(t *testing.T) {
	d := new(formattest.Desk)
	if err := put(t, d, simple("Foo", "1.0.0"), crateOf(t, "Foo", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, want string }{
		{http.MethodDelete, "yank", `"yanked":true`}, {http.MethodDelete, "yank", `"yanked":true`},
		{http.MethodPut, "unyank", `"yanked":false`}, {http.MethodPut, "unyank", `"yanked":false`},
	} {
		w, err := do(t, d, c.method, "api/v1/crates/foo/1.0.0/"+c.path, nil)
		if err != nil || strings.TrimSpace(w.Body.String()) != `{"ok":true}` || !strings.Contains(index(t, d, "foo"), c.want) {
			t.Errorf("%s: %v %v\n%s", c.path, w, err, index(t, d, "foo"))
		}
	}
	for _, path := range []string{"foo/2.0.0", "bar/1.0.0"} {
		if _, err := do(t, d, http.MethodDelete, "api/v1/crates/"+path+"/yank", nil); !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What came from a registry is yanked there.
func TestYankIsForWhatWasPublishedHere(t *testing.T) {
	d := new(formattest.Desk)
	if err := put(t, d, simple("foo", "1.0.0"), crateOf(t, "foo", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	d.Holding(packageOf("foo")).Versions[0].Origin = cache.Origin{Connection: "public:crates-io"}
	var invalid *cache.Invalid
	if _, err := do(t, d, http.MethodDelete, "api/v1/crates/foo/1.0.0/yank", nil); !errors.As(err, &invalid) || invalid.Status != http.StatusForbidden {
		t.Errorf("%v", err)
	}
}

func FuzzPublish(f *testing.F) {
	f.Add(body(fullMetadata, crateOf(f, "Foo_Bar", "1.2.3-rc.1+b")))
	f.Add(body(simple("foo", "1.0.0"), crateOf(f, "foo", "1.0.0")))
	f.Add(body(simple("foo", "1.0.0"), []byte("x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := new(formattest.Desk)
		_, err := do(t, d, http.MethodPut, "api/v1/crates/new", b)
		var invalid *cache.Invalid
		if err != nil && !errors.As(err, &invalid) && !errors.Is(err, cache.ErrTooLarge) {
			t.Fatalf("%v", err)
		}
		if d.OpenSpools() != 0 {
			t.Error("a spool stays open")
		}
		if err != nil {
			return
		}
		m, err := readMetadata(b[4 : 4+binary.LittleEndian.Uint32(b)])
		if err != nil {
			t.Fatal(err)
		}
		l, err := d.Listing(t.Context(), packageOf(m.Name))
		if err != nil {
			t.Fatal(err)
		}
		key := cache.AssetKey{Package: packageOf(m.Name), Version: m.Version}
		if _, err := (Format{}).Locate(key, l); err != nil {
			t.Errorf("published, and not to be found: %v", err)
		}
	})
}

func TestTwins(t *testing.T) {
	names := func(name string) []string {
		set := map[string]bool{}
		for _, p := range twins(packageOf(name)) {
			set[p.Name] = true
		}
		return slices.Sorted(maps.Keys(set))
	}
	if got := names("serde"); got != nil {
		t.Errorf("%q", got)
	}
	if got := names("a-b_c"); !slices.Equal(got, []string{"a-b-c", "a_b-c", "a_b_c"}) {
		t.Errorf("%q", got)
	}
	if got := names("a" + strings.Repeat("_a", 30)); !slices.Equal(got, []string{"a" + strings.Repeat("-a", 30)}) {
		t.Errorf("%q", got)
	}
}
