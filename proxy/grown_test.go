package proxy_test

import (
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"entrepot/bench/registry"
	"entrepot/proxy/format"
	"entrepot/proxy/format/cargo"
	"entrepot/proxy/format/generic"
)

// TestAssetOfARetainedVersion: a repository that holds a version with some of its assets gets the others, which
// somebody else has brought in the meantime.
func TestAssetOfARetainedVersion(t *testing.T) {
	s := start(t, setup{repos: []repo{
		{name: "store", connection: "public:go"}, {name: "one", upstreams: []string{"store"}}, {name: "two", upstreams: []string{"store"}},
	}})
	s.registry.AddModule("example.com/m", "v1.0.0", nil)
	const at = "/example.com/m/@v/v1.0.0"
	s.ok("go/one" + at + ".info")
	s.ok("go/two" + at + ".info")
	want := s.ok("go/one" + at + ".zip")
	s.serves("go/two"+at+".zip", want)
	s.asked("*.zip", 1)
}

// TestAVersionThatGrew: an asset that joins a version upstream is served where the version was retained before.
func TestAVersionThatGrew(t *testing.T) {
	files, err := generic.New(generic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, setup{formats: []format.Format{files}, repos: []repo{{name: "shared"}, {name: "team", upstreams: []string{"shared"}}}})
	put := func(name string) {
		t.Helper()
		r := s.do(http.MethodPut, "generic/shared/acme/tools/1.0/"+name, strings.NewReader(name), "Authorization", "Bearer "+publisher)
		if r.err != nil || r.status != http.StatusCreated {
			t.Fatalf("%s: %d %s %v", name, r.status, r.body, r.err)
		}
	}
	put("a")
	s.serves("generic/team/acme/tools/1.0/a", []byte("a"))
	put("b")
	s.serves("generic/team/acme/tools/1.0/b", []byte("b"))
	s.restart()
	s.serves("generic/team/acme/tools/1.0/b", []byte("b"))
	put("d")
	for _, name := range []string{"a", "b", "d"} {
		if list := string(s.ok("generic/team/acme/tools/1.0/")); !strings.Contains(list, `"name":"`+name+`"`) {
			t.Errorf("the list lacks %s: %s", name, list)
		}
	}
	s.fails("generic/team/acme/tools/1.0/c", http.StatusNotFound, "absent")
}

// TestYankReachesWhoRetained: what its repository yanks is yanked in the index of every repository downstream, also
// where the version was retained before.
func TestYankReachesWhoRetained(t *testing.T) {
	s := start(t, setup{formats: []format.Format{cargo.Format{}}, repos: []repo{{name: "shared"}, {name: "team", upstreams: []string{"shared"}}}})
	crate := registry.New(registry.Options{}).AddCrate("acme", "1.0.0", registry.CrateVersion{})
	const metadata = `{"name":"acme","vers":"1.0.0","deps":[],"features":{}}`
	body := binary.LittleEndian.AppendUint32(nil, uint32(len(metadata)))
	body = binary.LittleEndian.AppendUint32(append(body, metadata...), uint32(len(crate)))
	do := func(method, path, body string) {
		t.Helper()
		r := s.do(method, "cargo/shared/api/v1/crates/"+path, strings.NewReader(body), "Authorization", publisher)
		if r.err != nil || r.status != http.StatusOK {
			t.Fatalf("%s: %d %s %v", path, r.status, r.body, r.err)
		}
	}
	do(http.MethodPut, "new", string(body)+string(crate))
	s.serves("cargo/team/api/v1/crates/acme/1.0.0/download", crate)
	for _, c := range []struct{ method, path, want string }{
		{http.MethodDelete, "acme/1.0.0/yank", `"yanked":true`}, {http.MethodPut, "acme/1.0.0/unyank", `"yanked":false`},
	} {
		do(c.method, c.path, "")
		for _, name := range []string{"shared", "team"} {
			if got := string(s.ok("cargo/" + name + "/ac/me/acme")); !strings.Contains(got, c.want) {
				t.Errorf("after %s, the index of %s is %s", c.path, name, got)
			}
		}
	}
	s.serves("cargo/team/api/v1/crates/acme/1.0.0/download", crate)
}
