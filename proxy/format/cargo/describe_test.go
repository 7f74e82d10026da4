package cargo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"reflect"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestDescribe(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	for _, f := range [][2]string{{"src/README.md", "no"}, {"README.md", "# a"}, {"Cargo.toml", "[package]\nname = \"a\"\ndescription = \"does\\n much\"\nlicense = \"MIT\"\nhomepage = \"https://a.example\"\nrepository = \"https://code.example/a\"\n"}} {
		if err := w.WriteHeader(&tar.Header{Name: "a-1.0.0/" + f[0], Typeflag: tar.TypeReg, Size: int64(len(f[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	z.Close()
	files := formattest.Files{"a-1.0.0.crate": packed.Bytes()}
	v := files.Stored("1.0.0", []byte(`{"name":"a","vers":"1.0.0","deps":[{"name":"b","req":"^1","kind":"normal"},{"name":"c","req":"*","kind":"dev","package":"real"},{"name":"d","req":"1","optional":true}]}`))
	got, err := Format{}.Describe(t.Context(), v, files.Open)
	need := func(name, kind, requirement string) format.Dependency {
		return format.Dependency{Package: cache.Package{Format: "cargo", Name: name}, Kind: kind, Requirement: requirement}
	}
	want := &format.Description{
		DisplayName: "a", Summary: "does much", HomePage: "https://a.example", SourceCodeRepository: "https://code.example/a",
		Licenses:     []format.License{{Name: "MIT"}},
		Dependencies: []format.Dependency{need("b", "regular", "^1"), need("real", "dev", "*"), need("d", "optional", "1")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if text, err := (Format{}).Readme(t.Context(), v, files.Open); text != "# a" || err != nil {
		t.Errorf("readme %q, %v", text, err)
	}
}
