package proxy_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"entrepot/bench/registry"
)

// eventually waits until something that goes on behind clients' backs has happened.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute) // above every rest and breaker of ours: 10 s and 30 s
	for !happened() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("in vain waited for %s", what)
		}
	}
}

// answered counts the registry's answers of a status.
func (s *site) answered(status int) int {
	n := 0
	for _, r := range s.registry.Log() {
		if r.Status == status {
			n++
		}
	}
	return n
}

// TestRevalidation: past its time an index is asked for again with the registry's own validator, and a 304 is enough.
func TestRevalidation(t *testing.T) {
	s := start(t, setup{fresh: time.Nanosecond})
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
	first := s.ok(documentPath("main", "left-pad"))
	second := s.ok(documentPath("main", "left-pad"))
	if !bytes.Equal(first, second) {
		t.Error("the index changed without a change")
	}
	eventually(t, "a revalidation", func() bool { return s.answered(http.StatusNotModified) > 0 })
	if n := s.answered(http.StatusOK); n != 1 {
		t.Errorf("the index came %d times in full, want once", n)
	}
	s.registry.AddNPM("left-pad", "1.1.0", registry.NPMVersion{})
	eventually(t, "the new version", func() bool {
		return strings.Contains(string(s.ok(documentPath("main", "left-pad"))), `"1.1.0"`)
	})
}

// TestNewVersionAtOnce: a client that asks for a version that the fresh index lacks, or that insists, gets it.
func TestNewVersionAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		path string
		head []string
	}{
		{"the tarball", tarballPath("main", "left-pad", "1.1.0"), nil},
		{"the manifest", documentPath("main", "left-pad") + "/1.1.0", nil},
		{"the tag", documentPath("main", "left-pad") + "/next", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{})
			s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
			s.versions(documentPath("main", "left-pad"), "1.0.0")
			s.registry.AddNPM("left-pad", "1.1.0", registry.NPMVersion{})
			s.registry.TagNPM("left-pad", "next", "1.1.0")
			// A document is not asked for twice within a second, whatever clients want.
			eventually(t, "the version", func() bool { return s.get(tt.path, tt.head...).status == http.StatusOK })
			s.versions(documentPath("main", "left-pad"), "1.0.0", "1.1.0")
		})
	}
	t.Run("the client insists", func(t *testing.T) {
		t.Parallel()
		s := start(t, setup{})
		s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
		s.versions(documentPath("main", "left-pad"), "1.0.0")
		s.registry.AddNPM("left-pad", "1.1.0", registry.NPMVersion{})
		eventually(t, "the version", func() bool {
			return bytes.Contains(s.ok(documentPath("main", "left-pad"), "Cache-Control", "no-cache"), []byte(`"1.1.0"`))
		})
	})
}

// ways are how a registry can be down.
var ways = []struct {
	name  string
	fault registry.Fault
	down  bool
}{
	{"refuses connections", registry.Fault{}, true},
	{"drops connections", registry.Fault{Drop: true}, false},
	{"answers 500", registry.Fault{Status: http.StatusInternalServerError}, false},
	{"answers 503", registry.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "60"}, false},
	{"answers 429", registry.Fault{Status: http.StatusTooManyRequests, RetryAfter: "60"}, false},
	{"answers 403", registry.Fault{Status: http.StatusForbidden}, false},
	{"answers 401", registry.Fault{Status: http.StatusUnauthorized}, false},
	{"shows a page", registry.Fault{HTML: true}, false},
	{"breaks off", registry.Fault{Truncate: 2, NoETag: true, NoRanges: true}, false},
}

// TestRegistryDown: what is stored is served, what is not is 502 or 503, and only what the registry once said it does
// not have is 404; also past their time.
func TestRegistryDown(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{fresh: time.Nanosecond, absent: time.Nanosecond})
			want := s.registry.AddNPM("known", "1.0.0", registry.NPMVersion{Size: 100_000})
			s.registry.AddNPM("seen", "1.0.0", registry.NPMVersion{})
			s.registry.AddNPM("unknown", "1.0.0", registry.NPMVersion{})
			s.registry.AddNPM("@scope/unknown", "1.0.0", registry.NPMVersion{})
			s.serves(tarballPath("main", "known", "1.0.0"), want)
			s.versions(documentPath("main", "known"), "1.0.0")
			s.versions(documentPath("main", "seen"), "1.0.0")
			s.fails(documentPath("main", "absent"), http.StatusNotFound, "absent")
			if way.down {
				s.remote.Down()
			} else {
				s.registry.Fault("*", way.fault)
			}
			for range 3 {
				s.versions(documentPath("main", "known"), "1.0.0")
				s.serves(tarballPath("main", "known", "1.0.0"), want)
				s.fails(documentPath("main", "absent"), http.StatusNotFound, "absent")
				s.down(documentPath("main", "unknown"))
				s.down(tarballPath("main", "unknown", "1.0.0"))
				s.down(documentPath("main", "@scope/unknown"))
				s.down(tarballPath("main", "seen", "1.0.0"))
			}
			// The registry might have it by now; but within a second of its last word nothing is asked again.
			for _, path := range []string{tarballPath("main", "known", "2.0.0"), documentPath("main", "known") + "/2.0.0"} {
				eventually(t, "an honest answer", func() bool { return s.get(path).status != http.StatusNotFound })
				s.down(path)
			}
			s.restart()
			s.versions(documentPath("main", "known"), "1.0.0")
			s.serves(tarballPath("main", "known", "1.0.0"), want)
			s.fails(documentPath("main", "absent"), http.StatusNotFound, "absent")
			s.down(documentPath("main", "unknown"))
		})
	}
}

// down gets what cannot be known while the registry is down: an error that says so, and when to come again.
func (s *site) down(path string) {
	s.t.Helper()
	r := s.get(path)
	if r.err != nil || r.status < 500 || r.header.Get("X-Entrepot-Error") != "upstream" || r.header.Get("Retry-After") == "" {
		s.t.Errorf("GET %s: %d %q, Retry-After %q, %v, %.200s; want 502 or 503",
			path, r.status, r.header.Get("X-Entrepot-Error"), r.header.Get("Retry-After"), r.err, r.body)
	}
	var message struct{ Error string }
	if json.Unmarshal(r.body, &message) != nil || message.Error == "" {
		s.t.Errorf("GET %s: %.200q is no npm error", path, r.body)
	}
}
