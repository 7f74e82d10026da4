package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/cache/blob"
	"entrepot/proxy/auth"
)

// TestInvariant1BlobsAreWhatTheyAreCalled: after all kinds of traffic, faults among them, each stored file has the
// bytes of its name.
func TestInvariant1BlobsAreWhatTheyAreCalled(t *testing.T) {
	s := start(t, setup{})
	for i := range 20 {
		name := fmt.Sprint("pkg-", i)
		s.registry.AddNPM(name, "1.0.0", registry.NPMVersion{Size: int64(i) * 20_000})
	}
	s.registry.Fault("*.tgz", registry.Fault{Truncate: 30_000, Skip: 3, Times: 5})
	s.registry.Fault("*.tgz", registry.Fault{Flip: 1000, Skip: 6, Times: 3, NoRanges: true})
	each(20, func(i int) {
		name := fmt.Sprint("pkg-", i)
		s.get(tarballPath("main", name, "1.0.0"))
		s.put("main", newRelease("@acme/"+name, "1.0.0", uint64(i)))
		s.get(documentPath("main", "@acme/"+name))
	})
	blobs := s.blobs()
	if len(blobs) < 40 {
		t.Errorf("only %d blobs were stored", len(blobs))
	}
	for d, size := range blobs {
		f, err := s.disk.Open(t.Context(), d)
		s.must(err)
		b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
		if err != nil || blob.Sum(b) != d || f.Size() != size {
			t.Errorf("%s has other bytes: %v", d, err)
		}
		f.Close()
	}
}

// TestInvariant6OneSite: a download that runs while the configuration changes ends as it began, and whoever comes later
// sees the new one.
func TestInvariant6OneSite(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("big", "1.0.0", registry.NPMVersion{Size: 1 << 20})
	release := s.registry.Fault("*.tgz", registry.Fault{Stall: 500_000})
	resp, err := client.Do(s.request(http.MethodGet, tarballPath("main", "big", "1.0.0"), nil))
	s.must(err)
	defer resp.Body.Close()
	head := make([]byte, 1000)
	_, err = io.ReadFull(resp.Body, head)
	s.must(err)
	s.reconfigure([]repo{{name: "other"}})
	s.fails(tarballPath("main", "big", "1.0.0"), http.StatusNotFound, "absent")
	release()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(append(head, rest...), want) {
		t.Errorf("%d bytes, %v", len(head)+len(rest), err)
	}
}

// TestInvariant6SitesUnderLoad: while configurations change all the time, each answer is that of one or the other.
func TestInvariant6SitesUnderLoad(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("small", "1.0.0", registry.NPMVersion{Size: 5000})
	s.serves(tarballPath("main", "small", "1.0.0"), want)
	done := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				s.reconfigure([][]repo{mainRepos, {{name: "other"}}}[i%2])
			}
		}
	})
	each(8, func(int) {
		for range 50 {
			r := s.get(tarballPath("main", "small", "1.0.0"))
			if r.err != nil || r.status != http.StatusNotFound && (r.status != http.StatusOK || !bytes.Equal(r.body, want)) {
				t.Errorf("%d, %v, %d bytes", r.status, r.err, len(r.body))
			}
		}
	})
	close(done)
	swapping.Wait()
}

// TestInvariant7DecidedBeforeTheFirstByte: who may no longer read gets nothing, neither the index nor the asset, from
// the store, from memory, of a stale copy or of a download that runs.
func TestInvariant7DecidedBeforeTheFirstByte(t *testing.T) {
	s := start(t, setup{fresh: time.Nanosecond})
	want := s.registry.AddNPM("small", "1.0.0", registry.NPMVersion{Size: 5000})
	s.registry.AddNPM("big", "1.0.0", registry.NPMVersion{Size: 1 << 20})
	for range 3 {
		s.serves(tarballPath("main", "small", "1.0.0"), want)
		s.versions(documentPath("main", "small"), "1.0.0")
	}
	release := s.registry.Fault("*big*.tgz", registry.Fault{Stall: 500_000})
	resp, err := client.Do(s.request(http.MethodGet, tarballPath("main", "big", "1.0.0"), nil))
	s.must(err)
	defer resp.Body.Close()
	s.must(s.server.Site().Authority.SetAccess(auth.Access{Anonymous: auth.NobodyReads}))
	for _, path := range []string{
		tarballPath("main", "small", "1.0.0"), documentPath("main", "small"), documentPath("main", "small") + "/latest",
		tarballPath("main", "big", "1.0.0"), documentPath("main", "big"), "go/main/example.test/m/@v/list", "npm/main/-/v1/search?text=x",
	} {
		r := s.fails(path, http.StatusUnauthorized, "refused")
		if bytes.Contains(r.body, []byte("1.0.0")) || len(r.body) > 500 {
			t.Errorf("GET %s says too much: %s", path, r.body)
		}
		if r := s.get(path, "Range", "bytes=0-1"); r.status != http.StatusUnauthorized {
			t.Errorf("a range of %s: %d", path, r.status)
		}
		if r := s.do(http.MethodHead, path, nil); r.status != http.StatusUnauthorized || r.header.Get("ETag") != "" {
			t.Errorf("HEAD %s: %d", path, r.status)
		}
	}
	release()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error("the download that was allowed broke off:", err)
	}
	s.must(s.server.Site().Authority.SetAccess(auth.Access{}))
	s.serves(tarballPath("main", "small", "1.0.0"), want)
}

// TestInvariant8NothingStaleInMemory: what was changed is seen by the next request, whatever memory holds.
func TestInvariant8NothingStaleInMemory(t *testing.T) {
	s := start(t, setup{})
	path := documentPath("main", "@acme/ui")
	for i := range 20 {
		version := fmt.Sprintf("1.%d.0", i)
		s.publish("main", newRelease("@acme/ui", version, uint64(i)))
		for range 2 {
			if p := s.packument(path); len(p.Versions) != i+1 || p.Tags["latest"] != version {
				t.Fatalf("after %s the index shows %d versions, latest %s", version, len(p.Versions), p.Tags["latest"])
			}
		}
		r := s.do(http.MethodPut, "npm/main/-/package/@acme%2fui/dist-tags/stable", strings.NewReader(`"`+version+`"`),
			"Authorization", "Bearer "+publisher, "Content-Type", "application/json")
		if r.status >= 300 {
			t.Fatalf("tag: %d %s", r.status, r.body)
		}
		if p := s.packument(path); p.Tags["stable"] != version {
			t.Fatalf("the tag is %s, want %s", p.Tags["stable"], version)
		}
	}
	// A client that has the index is told at once that it is another.
	etag := s.get(path).header.Get("ETag")
	if r := s.get(path, "If-None-Match", etag); r.status != http.StatusNotModified {
		t.Errorf("the same index: %d", r.status)
	}
	s.publish("main", newRelease("@acme/ui", "2.0.0", 99))
	if r := s.get(path, "If-None-Match", etag); r.status != http.StatusOK {
		t.Errorf("another index: %d", r.status)
	}
}

// TestInvariant10Refusals: a refusal is 403, or 401 for who has not said who it is, and names the rule and the reason.
func TestInvariant10Refusals(t *testing.T) {
	s := start(t, setup{access: auth.Access{Tokens: []auth.StaticToken{{Name: "reader", Token: "reader-token", Level: auth.ReadLevel}}}})
	r := newRelease("@acme/ui", "1.0.0", 1)
	for _, tt := range []struct {
		token  string
		status int
	}{{"reader-token", http.StatusForbidden}, {"", http.StatusUnauthorized}, {"unknown", http.StatusUnauthorized}} {
		var head []string
		if tt.token != "" {
			head = []string{"Authorization", "Bearer " + tt.token}
		}
		got := s.do(http.MethodPut, documentPath("main", r.name), bytes.NewReader(r.body()), head...)
		if got.status != tt.status || got.header.Get("X-Entrepot-Error") != "refused" || got.header.Get("X-Entrepot-Rule") == "" ||
			!bytes.Contains(got.body, []byte(`"error"`)) {
			t.Errorf("token %q: %d %q, rule %q, %s", tt.token, got.status, got.header.Get("X-Entrepot-Error"), got.header.Get("X-Entrepot-Rule"), got.body)
		}
	}
	if len(s.blobs()) > 0 {
		t.Error("something was stored")
	}
}
