package proxy_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"entrepot/bench/registry"
)

// registries are two, each behind a connection of its own, and the packages of both are different.
func registries(t *testing.T, repos []repo) (s *site, one, two *registry.Registry, down func()) {
	one, two = registry.New(registry.Options{}), registry.New(registry.Options{})
	far := two.Start(t)
	s = start(t, setup{registry: one, repos: repos, connections: map[string]string{"private:two": far.URL + "/npm/"}, fresh: time.Nanosecond})
	return s, one, two, far.Down
}

var twoUpstreams = []repo{
	{name: "one-store", connection: "private:one"},
	{name: "two-store", connection: "private:two"},
	{name: "main", upstreams: []string{"one-store", "two-store"}},
}

// TestInvariant5MergedListing: what several registries have of a package is listed together; of a version that both have, the
// first one's is meant, in the index and as a tarball (invariant 5).
func TestInvariant5MergedListing(t *testing.T) {
	s, one, two, _ := registries(t, twoUpstreams)
	first := one.AddNPM("shared", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 1})
	two.AddNPM("shared", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 2})
	second := two.AddNPM("shared", "2.0.0", registry.NPMVersion{Size: 5000, Seed: 3})
	s.versions(documentPath("main", "shared"), "1.0.0", "2.0.0")
	s.serves(tarballPath("main", "shared", "1.0.0"), first)
	s.serves(tarballPath("main", "shared", "2.0.0"), second)
	s.serves(tarballPath("main", "shared", "1.0.0"), first)
	p := s.packument(documentPath("main", "shared"))
	direct := s.packument(documentPath("one-store", "shared"))
	if p.Versions["1.0.0"].Dist.Integrity != direct.Versions["1.0.0"].Dist.Integrity {
		t.Error("the index promises the bytes of the second registry")
	}
	if !s.holds("two-store", "shared", "2.0.0") || s.holds("two-store", "shared", "1.0.0") || s.holds("one-store", "shared", "2.0.0") {
		t.Error("a version is held by the store of the other registry")
	}
}

// TestTags: of a tag that several places set the nearest counts, or with FarTags the farthest; a tag of a version that
// is not listed is left out.
func TestTags(t *testing.T) {
	for _, far := range []bool{false, true} {
		repos := []repo{
			{name: "one-store", connection: "private:one"},
			{name: "two-store", connection: "private:two"},
			{name: "main", upstreams: []string{"one-store", "two-store"}, farTags: far},
		}
		s, one, two, _ := registries(t, repos)
		one.AddNPM("shared", "1.0.0", registry.NPMVersion{})
		one.TagNPM("shared", "stable", "1.0.0")
		two.AddNPM("shared", "2.0.0", registry.NPMVersion{})
		two.TagNPM("shared", "next", "2.0.0")
		want := map[string]string{"latest": "1.0.0", "stable": "1.0.0", "next": "2.0.0"}
		if far {
			want["latest"] = "2.0.0"
		}
		if got := s.packument(documentPath("main", "shared")).Tags; !maps.Equal(got, want) {
			t.Errorf("far %v: tags %v, want %v", far, got, want)
		}
	}
}

// TestStrictWalk: with walk = "strict" the first upstream with its connection comes before what the next one holds.
func TestStrictWalk(t *testing.T) {
	for _, strict := range []bool{false, true} {
		repos := []repo{
			{name: "one-store", connection: "private:one"},
			{name: "two-store", connection: "private:two"},
			{name: "main", upstreams: []string{"one-store", "two-store"}, strict: strict},
		}
		s, one, two, _ := registries(t, repos)
		theirs := two.AddNPM("shared", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 2})
		s.serves(tarballPath("two-store", "shared", "1.0.0"), theirs) // held
		first := one.AddNPM("shared", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 1})
		want := theirs // what is stored comes first
		if strict {
			want = first
		}
		for range 2 {
			s.serves(tarballPath("main", "shared", "1.0.0"), want)
			index := s.packument(documentPath("main", "shared")).Versions["1.0.0"].Dist.Integrity
			if index != integrity(want) {
				t.Errorf("strict %v: the index promises other bytes than the tarball has", strict)
			}
		}
	}
}

// TestUpstreamDown: a registry of several that is down never makes a list shorter: it is shown as it was, or not at
// all.
func TestUpstreamDown(t *testing.T) {
	s, one, two, down := registries(t, twoUpstreams)
	one.AddNPM("shared", "1.0.0", registry.NPMVersion{})
	two.AddNPM("shared", "2.0.0", registry.NPMVersion{})
	one.AddNPM("other", "1.0.0", registry.NPMVersion{})
	two.AddNPM("other", "2.0.0", registry.NPMVersion{})
	want := one.AddNPM("held", "1.0.0", registry.NPMVersion{})
	two.AddNPM("held", "2.0.0", registry.NPMVersion{})
	s.versions(documentPath("main", "shared"), "1.0.0", "2.0.0")
	s.serves(tarballPath("main", "held", "1.0.0"), want)
	s.versions(documentPath("two-store", "held"), "2.0.0")
	down()
	for range 3 {
		s.versions(documentPath("main", "shared"), "1.0.0", "2.0.0")
		s.versions(documentPath("main", "held"), "1.0.0", "2.0.0")
		s.down(documentPath("main", "other")) // the second was never asked about it
		s.serves(tarballPath("main", "held", "1.0.0"), want)
	}
	s.restart()
	s.versions(documentPath("main", "shared"), "1.0.0", "2.0.0")
	s.down(documentPath("main", "other"))
	if r := s.get(documentPath("main", "shared"), "Cache-Control", "no-cache"); r.status != http.StatusOK || r.header.Get("X-Cache") != "stale" {
		t.Errorf("a list that could not be refreshed: %d, X-Cache %s", r.status, r.header.Get("X-Cache"))
	}
}

// TestFirstUpstreamDown: a version is not taken from the second registry because the first cannot be asked: it might
// have other bytes.
func TestFirstUpstreamDown(t *testing.T) {
	s, one, two, _ := registries(t, twoUpstreams)
	one.AddNPM("shared", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 1})
	two.AddNPM("shared", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 2})
	two.AddNPM("second", "1.0.0", registry.NPMVersion{})
	s.remote.Down()
	s.down(tarballPath("main", "shared", "1.0.0"))
	s.down(tarballPath("main", "second", "1.0.0"))
	s.down(documentPath("main", "second"))
	if s.holds("main", "shared", "1.0.0") {
		t.Error("it was taken from the second")
	}
	s.must(s.remote.Up())
	eventually(t, "the registry", func() bool { return s.get(documentPath("main", "second")).status == http.StatusOK })
	s.versions(documentPath("main", "second"), "1.0.0")
}
