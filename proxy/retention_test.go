package proxy_test

import (
	"net/http"
	"testing"

	"entrepot/bench/registry"
)

// chain is A, whose upstream is B, whose upstream is C, which is connected.
var chain = []repo{
	{name: "repo-c", connection: "public:npmjs"},
	{name: "repo-b", upstreams: []string{"repo-c"}},
	{name: "repo-a", upstreams: []string{"repo-b"}},
}

// TestRetention: a package that is asked of A is held by A and by C, which is connected, and not by B between them.
func TestRetention(t *testing.T) {
	s := start(t, setup{repos: chain})
	want := s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Size: 100_000})
	s.versions(documentPath("repo-a", "left-pad"), "1.0.0")
	for name, holds := range map[string]bool{"repo-a": false, "repo-b": false, "repo-c": false} {
		if s.holds(name, "left-pad", "1.0.0") != holds {
			t.Errorf("after the index alone, %s holds the version", name)
		}
	}
	s.serves(tarballPath("repo-a", "left-pad", "1.0.0"), want)
	for name, holds := range map[string]bool{"repo-a": true, "repo-b": false, "repo-c": true} {
		if s.holds(name, "left-pad", "1.0.0") != holds {
			t.Errorf("%s holds the version: %v, want %v", name, !holds, holds)
		}
	}
	s.serves(tarballPath("repo-b", "left-pad", "1.0.0"), want) // now B was asked
	if !s.holds("repo-b", "left-pad", "1.0.0") {
		t.Error("B was asked and does not hold the version")
	}
	s.asked("*.tgz", 1)
}

// TestRetentionOfEachWhoAsked: repositories that ask while a download runs all hold it.
func TestRetentionOfEachWhoAsked(t *testing.T) {
	s := start(t, setup{repos: chain})
	want := s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Size: 1 << 20})
	release := s.registry.Fault("*.tgz", registry.Fault{Stall: 500_000})
	names := []string{"repo-a", "repo-b", "repo-c"}
	go func() {
		eventually(t, "the download", func() bool { return s.registry.Requests("*.tgz") > 0 })
		release()
	}()
	each(len(names), func(i int) { s.serves(tarballPath(names[i], "left-pad", "1.0.0"), want) })
	for _, name := range names {
		if !s.holds(name, "left-pad", "1.0.0") {
			t.Errorf("%s does not hold the version", name)
		}
	}
	s.asked("*.tgz", 1)
}

// TestRetentionOutlives: what A holds stays available from A when C is deleted or disconnected, when the registry has
// withdrawn it, and when the registry is gone.
func TestRetentionOutlives(t *testing.T) {
	for _, tt := range []struct {
		name    string
		without func(s *site)
	}{
		{"C deleted", func(s *site) { s.reconfigure([]repo{{name: "repo-a"}}) }},
		{"C disconnected", func(s *site) {
			s.reconfigure([]repo{{name: "repo-c"}, {name: "repo-b", upstreams: []string{"repo-c"}}, {name: "repo-a", upstreams: []string{"repo-b"}}})
		}},
		{"connected to another registry", func(s *site) {
			other := registry.New(registry.Options{})
			s.setup.connections = map[string]string{"private:other": other.Start(s.t).URL + "/npm/"}
			s.reconfigure([]repo{{name: "repo-c", connection: "private:other"}, {name: "repo-a", upstreams: []string{"repo-c"}}})
		}},
		{"version withdrawn", func(s *site) { s.registry.RemoveNPM("left-pad", "1.0.0") }},
		{"package withdrawn", func(s *site) { s.registry.RemoveNPM("left-pad", "") }},
		{"registry gone", func(s *site) { s.remote.Down() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{repos: chain, fresh: 1})
			want := s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Size: 100_000})
			s.registry.AddNPM("left-pad", "1.1.0", registry.NPMVersion{})
			s.serves(tarballPath("repo-a", "left-pad", "1.0.0"), want)
			s.packument(documentPath("repo-a", "left-pad"))
			tt.without(s)
			for range 3 {
				s.serves(tarballPath("repo-a", "left-pad", "1.0.0"), want)
				if _, listed := s.packument(documentPath("repo-a", "left-pad")).Versions["1.0.0"]; !listed {
					t.Error("the index lacks what is held")
				}
				s.ok(documentPath("repo-a", "left-pad") + "/1.0.0")
			}
			// What the registry says by now arrives behind; then it must still be there.
			r := s.get(documentPath("repo-a", "left-pad"), "Cache-Control", "no-cache")
			if r.status != http.StatusOK {
				t.Errorf("the index, insisted on: %d %s", r.status, r.body)
			}
			s.restart()
			tt.without(s)
			s.serves(tarballPath("repo-a", "left-pad", "1.0.0"), want)
		})
	}
}

// TestInvariant9SwappedBytes: a registry that offers other bytes under a version that was served does not get them in.
func TestInvariant9SwappedBytes(t *testing.T) {
	s := start(t, setup{repos: chain, fresh: 1})
	want := s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 1})
	s.serves(tarballPath("repo-a", "left-pad", "1.0.0"), want)
	before := s.packument(documentPath("repo-a", "left-pad")).Versions["1.0.0"].Dist.Integrity
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 2})
	eventually(t, "the new index", func() bool {
		s.get(documentPath("repo-b", "left-pad"), "Cache-Control", "no-cache")
		return s.registry.Requests("/npm/left-pad") > 2
	})
	for _, name := range []string{"repo-a", "repo-b", "repo-c"} {
		s.serves(tarballPath(name, "left-pad", "1.0.0"), want)
		if got := s.packument(documentPath(name, "left-pad")).Versions["1.0.0"].Dist.Integrity; got != before {
			t.Errorf("the index of %s promises other bytes than those it serves", name)
		}
	}
	// Nor when ours are lost: then there are none.
	s.close()
	s.damage(true, nil)
	s.open()
	r := s.get(tarballPath("repo-a", "left-pad", "1.0.0"))
	if r.status != http.StatusBadGateway {
		t.Errorf("other bytes, after ours were lost: %d, %d bytes", r.status, len(r.body))
	}
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 1})
	eventually(t, "the right bytes", func() bool { return s.get(tarballPath("repo-a", "left-pad", "1.0.0")).status == http.StatusOK })
	s.serves(tarballPath("repo-a", "left-pad", "1.0.0"), want)
}
