package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/cache"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
	"entrepot/proxy/format/cargo"
)

// crates is a chain with a registry behind it.
var crates = setup{
	formats: []format.Format{cargo.Format{}},
	repos: []repo{
		{name: "store", connection: "public:crates-io"}, {name: "near"}, {name: "far", upstreams: []string{"store"}},
		{name: "main", upstreams: []string{"near", "far"}},
	},
}

// publishCrate publishes as cargo does.
func (s *site) publishCrate(repository, name, version string) []byte {
	s.t.Helper()
	crate := registry.New(registry.Options{}).AddCrate(name, version, registry.CrateVersion{Files: map[string]string{"where": repository}})
	metadata := `{"name":"` + name + `","vers":"` + version + `","deps":[],"features":{}}`
	body := string(crateFrame(metadata)) + string(crateFrame(string(crate)))
	r := s.do(http.MethodPut, "cargo/"+repository+"/api/v1/crates/new", strings.NewReader(body), "Authorization", publisher)
	if r.err != nil || r.status != http.StatusOK {
		s.t.Fatalf("publish %s %s: %d %s %v", name, version, r.status, r.body, r.err)
	}
	return crate
}

// crateFrame is a part of a publish: its length, and it.
func crateFrame(s string) []byte {
	n := len(s)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}, s...)
}

// lines checks which versions a crate's index has, in their order.
func (s *site) lines(path string, want ...string) {
	s.t.Helper()
	var got []string
	for line := range strings.Lines(string(s.ok(path))) {
		_, rest, _ := strings.Cut(line, `"vers":"`)
		version, _, _ := strings.Cut(rest, `"`)
		got = append(got, version)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("%s has %q, want %q", path, got, want)
	}
}

func download(repository, name, version string) string {
	return "cargo/" + repository + "/api/v1/crates/" + name + "/" + version + "/download"
}

// TestCratesThroughEveryShapeOfDownloads: files come from where the registry's own config.json says, and stay when it
// is gone.
func TestCratesThroughEveryShapeOfDownloads(t *testing.T) {
	for _, dl := range []string{"", "{base}files/{crate}/{version}/download", "{base}files/{prefix}/{crate}-{version}.crate", "{base}files/{sha256-checksum}"} {
		t.Run(dl, func(t *testing.T) {
			s := start(t, crates)
			s.registry.CrateDownloads(strings.ReplaceAll(dl, "{base}", s.remote.URL+"/cargo/"))
			want := s.registry.AddCrate("Foo_Bar", "1.0.0", registry.CrateVersion{Size: 200_000})
			s.registry.AddCrate("Foo_Bar", "1.1.0+b", registry.CrateVersion{})
			index := s.ok("cargo/main/fo/o_/foo_bar")
			direct := httptest.NewRecorder()
			s.registry.ServeHTTP(direct, httptest.NewRequest(http.MethodGet, "/cargo/fo/o_/foo_bar", nil))
			if string(index) != direct.Body.String() {
				t.Errorf("the index is\n%s\nand the registry's\n%s", index, direct.Body)
			}
			s.serves(download("main", "Foo_Bar", "1.0.0"), want)
			s.ok(download("main", "foo_bar", "1.1.0+b"))
			s.remote.Down()
			s.restart()
			s.serves(download("main", "Foo_Bar", "1.0.0"), want)
			if again := s.ok("cargo/main/fo/o_/foo_bar"); string(again) != string(index) {
				t.Errorf("with the registry gone the index is\n%s", again)
			}
			s.fails("cargo/main/ot/he/other", http.StatusBadGateway, "upstream")
		})
	}
}

// TestCratesMerge: the union of what was published and what is taken from outside, each version from its first place,
// and no shorter list when the registry is down.
func TestCratesMerge(t *testing.T) {
	s := start(t, crates)
	// Only where origin controls allow it does a name have versions from inside and from outside.
	s.registry.AddCrate("shared", "1.0.0", registry.CrateVersion{})
	far := s.registry.AddCrate("shared", "1.1.0", registry.CrateVersion{})
	s.lines("cargo/main/sh/ar/shared", "1.0.0", "1.1.0")
	near := s.publishCrate("near", "shared", "1.1.0")
	s.publishCrate("near", "shared", "2.0.0")
	s.lines("cargo/main/sh/ar/shared", "1.1.0", "2.0.0") // the name is private now
	s.serves(download("main", "shared", "1.1.0"), near)
	s.fails(download("main", "shared", "1.0.0"), http.StatusNotFound, "absent")
	allow := cache.Controls{Publish: cache.Allow, Upstream: cache.Allow}
	s.must(s.domain.Repository("near").Edit(t.Context(), cache.Package{Format: "cargo", Name: "shared"}, func(h *cache.Holding) error {
		h.Controls = allow
		return nil
	}))
	s.lines("cargo/main/sh/ar/shared", "2.0.0", "1.0.0", "1.1.0")
	s.serves(download("main", "shared", "1.1.0"), near)
	s.serves(download("far", "shared", "1.1.0"), far)
	s.ok(download("main", "shared", "1.0.0"))
	s.remote.Down()
	s.restart()
	s.lines("cargo/main/sh/ar/shared", "2.0.0", "1.0.0", "1.1.0")
}

// TestCratesOfAPrivateRepository: cargo learns from config.json alone that it has to send its token, and asks for that
// first without one.
func TestCratesOfAPrivateRepository(t *testing.T) {
	o := crates
	o.access = auth.Access{Anonymous: auth.NobodyReads}
	s := start(t, o)
	r := s.fails("cargo/main/config.json", http.StatusUnauthorized, "refused")
	if challenges := strings.Join(r.header.Values("WWW-Authenticate"), "\n"); !strings.Contains(challenges, `Cargo login_url="`+s.url+`cargo/main/me"`) {
		t.Errorf("the challenges are %s", challenges)
	}
	if got := string(s.ok("cargo/main/config.json", "Authorization", publisher)); !strings.Contains(got, `"auth-required":true`) {
		t.Error(got)
	}
	s.fails("cargo/main/fo/ob/foobar", http.StatusUnauthorized, "refused")
	s.ok("cargo/main/me")
	open := start(t, crates)
	for _, headers := range [][]string{nil, {"Authorization", publisher}} {
		if got := string(open.ok("cargo/main/config.json", headers...)); !strings.Contains(got, `"auth-required":false`) {
			t.Error(got)
		}
	}
}

// TestCratesAreFreshAtOnce: cargo waits for a version that it has published to come up in the index.
func TestCratesAreFreshAtOnce(t *testing.T) {
	o := crates
	o.fresh = time.Hour
	s := start(t, o)
	s.publishCrate("main", "mine", "1.0.0")
	for _, version := range []string{"1.1.0", "1.2.0"} {
		before := s.get("cargo/main/mi/ne/mine").header.Get("Etag")
		s.publishCrate("main", "mine", version)
		r := s.get("cargo/main/mi/ne/mine", "If-None-Match", before)
		if r.status != http.StatusOK || !strings.Contains(string(r.body), version) {
			t.Errorf("after the publish of %s: %d %s", version, r.status, r.body)
		}
		if r = s.get("cargo/main/mi/ne/mine", "If-None-Match", r.header.Get("Etag")); r.status != http.StatusNotModified {
			t.Errorf("unchanged: %d", r.status)
		}
	}
}

// TestCratesOfWrongBytes: what does not have the sum of its line is not served.
func TestCratesOfWrongBytes(t *testing.T) {
	s := start(t, crates)
	s.registry.AddCrate("foobar", "1.0.0", registry.CrateVersion{
		Line: map[string]any{"cksum": strings.Repeat("00", 32)},
	})
	s.fails(download("main", "foobar", "1.0.0"), http.StatusBadGateway, "upstream")
}
