package proxy_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/cache/blob"
)

const (
	large   = 8 << 20
	clients = 30
)

// each runs one client per number at once, and waits for all.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// TestColdTarball: clients that ask for one tarball that nobody has asked for yet share one request to the registry,
// and read along while it sends.
func TestColdTarball(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("big", "1.0.0", registry.NPMVersion{Size: large})
	s.versions(documentPath("main", "big"), "1.0.0")
	const sent = 2 << 20
	release := s.registry.Fault("*.tgz", registry.Fault{Stall: sent})

	var have sync.WaitGroup // those who have the first part
	have.Add(clients)
	go func() {
		have.Wait() // the registry is still holding back the rest
		release()
	}()
	each(clients, func(int) {
		first := sync.OnceFunc(have.Done)
		defer first()
		resp, err := client.Do(s.request(http.MethodGet, tarballPath("main", "big", "1.0.0"), nil))
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		head := make([]byte, sent)
		if _, err := io.ReadFull(resp.Body, head); err != nil {
			t.Error("the first part:", err)
			return
		}
		first()
		rest, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(append(head, rest...), want) {
			t.Errorf("%d bytes, %v; want the %d of the registry", sent+len(rest), err, len(want))
		}
		if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(want)) {
			t.Errorf("status %d, Content-Length %d", resp.StatusCode, resp.ContentLength)
		}
	})
	s.asked("GET *.tgz", 1)
	s.serves(tarballPath("main", "big", "1.0.0"), want)
	s.asked("GET *.tgz", 1)
}

// TestColdPackument: the same for an index.
func TestColdPackument(t *testing.T) {
	s := start(t, setup{})
	s.registry.AddNPM("popular", "1.0.0", registry.NPMVersion{})
	s.registry.Fault("/npm/popular", registry.Fault{Latency: 50 * time.Millisecond})
	each(clients, func(int) { s.versionsQuietly("popular", "1.0.0") })
	s.asked("*", 1)
}

// versionsQuietly is versions for goroutines that must not end the test.
func (s *site) versionsQuietly(name, version string) {
	r := s.get(documentPath("main", name))
	if r.err != nil || r.status != http.StatusOK || !bytes.Contains(r.body, []byte(`"`+version+`"`)) {
		s.t.Errorf("GET %s: %d, %v, %.200q", name, r.status, r.err, r.body)
	}
}

// TestColdAbsence: requests for a package that does not exist are one question to the registry.
func TestColdAbsence(t *testing.T) {
	s := start(t, setup{})
	s.registry.Fault("/npm/missing", registry.Fault{Latency: 50 * time.Millisecond})
	each(10, func(int) { s.fails(documentPath("main", "missing"), http.StatusNotFound, "absent") })
	s.asked("*", 1)
	s.fails(documentPath("main", "missing"), http.StatusNotFound, "absent")
	s.fails(tarballPath("main", "missing", "1.0.0"), http.StatusNotFound, "absent")
	s.asked("*.tgz", 0)
}

// TestTruncatedTarball: a body that the registry breaks off ends with a broken connection, is not kept, and does not
// stand in the way of the next attempt.
func TestTruncatedTarball(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int64
	}{{"small", 20_000}, {"large", 1 << 20}} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, setup{})
			want := s.registry.AddNPM("broken", "1.0.0", registry.NPMVersion{Size: tt.size})
			s.versions(documentPath("main", "broken"), "1.0.0")
			before := s.blobs()
			mend := s.registry.Fault("*.tgz", registry.Fault{Truncate: tt.size / 2, NoRanges: true})
			s.unfinished(tarballPath("main", "broken", "1.0.0"), int64(len(want)))
			s.unchanged(before)
			mend()
			s.serves(tarballPath("main", "broken", "1.0.0"), want)
		})
	}
}

// TestResumedTarball: where the registry lets us, a body that breaks off is continued, and clients do not notice.
func TestResumedTarball(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("broken", "1.0.0", registry.NPMVersion{Size: 1 << 20})
	s.registry.Fault("*.tgz", registry.Fault{Truncate: 300_000, Times: 1})
	s.serves(tarballPath("main", "broken", "1.0.0"), want)
	s.asked("*.tgz", 2)
}

// TestWrongBytes: bytes that are not those that the index promises are an error before the head where that is
// possible, else a broken connection; they are not stored, and the right ones are fetched as soon as they are there.
func TestWrongBytes(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int64
		flip int64
	}{
		{"small", 20_000, 10_000},
		{"of 64 KiB", 64 << 10, 64 << 10},
		{"large, wrong at the start", large, 10},
		{"large, wrong at the end", large, large - 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, setup{})
			want := s.registry.AddNPM("wrong", "1.0.0", registry.NPMVersion{Size: tt.size})
			s.versions(documentPath("main", "wrong"), "1.0.0")
			before := s.blobs()
			mend := s.registry.Fault("*.tgz", registry.Fault{Flip: min(tt.flip, int64(len(want)))})
			each(3, func(int) { s.unfinished(tarballPath("main", "wrong", "1.0.0"), int64(len(want))) })
			s.unchanged(before)
			if s.holds("main", "wrong", "1.0.0") || s.holds("npmjs-store", "wrong", "1.0.0") {
				t.Error("a row was written for bytes that were refused")
			}
			r := s.get(tarballPath("main", "wrong", "1.0.0"), "Range", "bytes=0-99")
			if r.status != http.StatusBadGateway {
				t.Errorf("a range of wrong bytes: %d, %v, %d bytes; want 502", r.status, r.err, len(r.body))
			}
			mend()
			s.serves(tarballPath("main", "wrong", "1.0.0"), want)
			s.serves(tarballPath("main", "wrong", "1.0.0"), want)
		})
	}
}

// unfinished asks for a tarball of that size that cannot be had, and checks that no client could take what it gets for
// it: up to 64 KiB the answer is 502, beyond that the connection breaks before the last byte (invariant 4).
func (s *site) unfinished(path string, size int64) {
	s.t.Helper()
	r := s.get(path)
	switch {
	case r.status == http.StatusOK && r.err == nil:
		s.t.Errorf("GET %s ended cleanly with %d bytes", path, len(r.body))
	case r.status == http.StatusOK && int64(len(r.body)) >= size:
		s.t.Errorf("GET %s broke off after all of its %d bytes", path, len(r.body))
	case r.status == http.StatusOK && size <= 64<<10:
		s.t.Errorf("GET %s of %d bytes began with 200", path, size)
	case r.status != http.StatusOK && (r.status != http.StatusBadGateway || r.header.Get("X-Entrepot-Error") != "upstream"):
		s.t.Errorf("GET %s: %d %q, %s; want 502", path, r.status, r.header.Get("X-Entrepot-Error"), r.body)
	case r.status != http.StatusOK && r.header.Get("Retry-After") == "":
		s.t.Errorf("GET %s: %d without Retry-After", path, r.status)
	}
}

// unchanged checks that the store has what it had.
func (s *site) unchanged(before map[blob.Digest]int64) {
	s.t.Helper()
	after := s.blobs()
	for d := range after {
		if _, ok := before[d]; !ok {
			s.t.Errorf("blob %s was stored", d)
		}
	}
}

// TestClientLeaves: a download goes on to its end when the client that started it leaves in the middle.
func TestClientLeaves(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("big", "1.0.0", registry.NPMVersion{Size: large})
	release := s.registry.Fault("*.tgz", registry.Fault{Stall: 1 << 20})
	ctx, leave := context.WithCancel(t.Context())
	resp, err := client.Do(s.request(http.MethodGet, tarballPath("main", "big", "1.0.0"), nil).WithContext(ctx))
	s.must(err)
	_, err = io.ReadFull(resp.Body, make([]byte, 100_000))
	s.must(err)
	leave()
	resp.Body.Close()
	s.log.next(t) // the server has noticed
	release()
	s.serves(tarballPath("main", "big", "1.0.0"), want)
	s.asked("*.tgz", 1)
}

// TestSameBytesUnderFourNames: they take the space of one.
func TestSameBytesUnderFourNames(t *testing.T) {
	s := start(t, setup{})
	names := []string{"one", "two", "three", "four"}
	var want []byte
	for _, name := range names {
		want = s.registry.AddNPM(name, "1.0.0", registry.NPMVersion{Size: large, Manifest: map[string]any{"name": "same"}})
		s.versions(documentPath("main", name), "1.0.0")
	}
	before := s.diskUse()
	each(len(names), func(i int) { s.serves(tarballPath("main", names[i], "1.0.0"), want) })
	if grown := s.diskUse() - before; grown > int64(len(want))+4096 {
		t.Errorf("four times the same %d bytes take %d", len(want), grown)
	}
	s.asked("*.tgz", 4)
}
