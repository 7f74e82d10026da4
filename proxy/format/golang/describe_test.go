package golang

import (
	"archive/zip"
	"bytes"
	"reflect"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestDescribe(t *testing.T) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for _, name := range []string{"doc/README.md", "README.md"} {
		w, err := z.Create("host.example/m@v1.0.0/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("# " + name)); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	files := formattest.Files{"v1.0.0.zip": packed.Bytes(), "v1.0.0.mod": []byte("module host.example/m\nrequire (\nhost.example/a v1.2.3\nhost.example/b v0.1.0 // indirect\n)\n")}
	v := files.Stored("v1.0.0", nil)
	f := &Format{}
	got, err := f.Describe(t.Context(), v, files.Open)
	want := &format.Description{Dependencies: []format.Dependency{
		{Package: cache.Package{Format: "go", Name: "host.example/a"}, Kind: "regular", Requirement: "v1.2.3"},
		{Package: cache.Package{Format: "go", Name: "host.example/b"}, Kind: "indirect", Requirement: "v0.1.0"},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if text, err := f.Readme(t.Context(), v, files.Open); text != "# README.md" || err != nil {
		t.Errorf("readme %q, %v", text, err)
	}
}
