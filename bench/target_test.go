package main

import "testing"

func TestRewritten(t *testing.T) {
	const doc = `{"versions":{"1.0.0":{"dist":{"tarball":"http://here/npm/main/a/-/a-1.0.0.tgz"}}}}`
	for _, c := range []struct {
		name, doc, prefix string
		versions          int
		bad               bool
	}{
		{"right", doc, "http://here/npm/main/a/-/", 1, false},
		{"not rewritten", doc, "http://there/npm/main/a/-/", 1, true},
		{"a version is missing", doc, "http://here/npm/main/a/-/", 2, true},
		{"no JSON", doc[:10], "http://here/npm/main/a/-/", 1, true},
	} {
		if err := rewritten([]byte(c.doc), c.prefix, c.versions); (err != nil) != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
