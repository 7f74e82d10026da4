package pypi

import (
	"errors"
	"reflect"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

const described = "Metadata-Version: 2.1\nName: Thing.Py\nVersion: 0.1\nSummary: a thing\nHome-page: https://old.example\n" +
	"Project-URL: Homepage, https://thing.example\nProject-URL: Source Code, https://code.example/thing\nLicense-Expression: MIT\n" +
	"Requires-Dist: Requests_Too[security] (>=2.0) ; python_version < \"3\"\nRequires-Dist: six\n\n# Thing\n"

func TestDescribe(t *testing.T) {
	files := formattest.Files{"thing_py-0.1.tar.gz": []byte("no archive"), "thing_py-0.1-py3-none-any.whl.metadata": []byte(described)}
	v := files.Stored("0.1", nil)
	got, err := Format{}.Describe(t.Context(), v, files.Open)
	want := &format.Description{
		DisplayName: "Thing.Py", Summary: "a thing", HomePage: "https://thing.example", SourceCodeRepository: "https://code.example/thing",
		Licenses: []format.License{{Name: "MIT"}},
		Dependencies: []format.Dependency{
			{Package: project("requests-too"), Requirement: "[security] (>=2.0) ; python_version < \"3\""}, {Package: project("six")},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if text, err := (Format{}).Readme(t.Context(), v, files.Open); text != "# Thing\n" || err != nil {
		t.Errorf("readme %q, %v", text, err)
	}
	old := formattest.Files{"x.metadata": []byte("Name: x\nDescription: first\n        second\n       |third\nVersion: 1\n")}
	if text, err := (Format{}).Readme(t.Context(), old.Stored("1", nil), old.Open); text != "first\nsecond\nthird" || err != nil {
		t.Errorf("old readme %q, %v", text, err)
	}
	none := formattest.Files{"thing.tar.gz": []byte("no archive")}
	if _, err := (Format{}).Describe(t.Context(), none.Stored("1", nil), none.Open); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("nothing to read: %v", err)
	}
}
