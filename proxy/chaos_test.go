package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"entrepot/bench/registry"
)

// everything tells whether the long tests run in full, as in CI.
func everything() bool { return os.Getenv("ENTREPOT_TEST_ALL") != "" }

// chaos are faults that come and go. None of them may show as wrong bytes in an answer that ends cleanly.
func chaos(r *rand.Rand) registry.Fault {
	faults := []registry.Fault{
		{Drop: true}, {Status: http.StatusInternalServerError}, {Status: http.StatusForbidden}, {HTML: true},
		{Truncate: 1 + r.Int64N(200_000)}, {Truncate: 1 + r.Int64N(200_000), NoRanges: true}, {Flip: 1 + r.Int64N(200_000)},
		{Latency: time.Duration(r.Int64N(20)) * time.Millisecond}, {Unsized: true}, {NoETag: true}, {BareGzip: true},
		{Unsized: true, Truncate: 1 + r.Int64N(100_000)}, {StaleETag: true}, {Bandwidth: 5 << 20},
	}
	f := faults[r.IntN(len(faults))]
	f.Times = 1 + r.IntN(3)
	return f
}

// TestChaos: clients of all habits, a registry with all faults. What ends cleanly is right, and when the registry is
// well again, so is everything, and nothing is left running.
func TestChaos(t *testing.T) {
	rounds := 12
	if everything() {
		rounds = 40
	}
	before := runtime.NumGoroutine()
	s := start(t, setup{fresh: time.Millisecond, absent: time.Millisecond})
	want := map[string][]byte{}
	for i := range 24 {
		name := fmt.Sprint("pkg-", i)
		for v := range 3 {
			version := fmt.Sprintf("1.%d.0", v)
			size := []int64{1000, 60_000, 66_000, 300_000, 1 << 20}[(i+v)%5]
			want[tarballPath("main", name, version)] = s.registry.AddNPM(name, version, registry.NPMVersion{Size: size, Seed: uint64(i*3 + v)})
		}
	}
	seed := rand.Uint64()
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range rounds {
		for range 6 {
			s.registry.Fault([]string{"*.tgz", "/npm/pkg-*", "*"}[r.IntN(3)], chaos(r))
		}
		each(24, func(w int) {
			n := 0
			for path, b := range want { // in random order
				s.habit(w, path, b)
				if n++; n == 3 {
					break
				}
			}
			s.packumentOf(fmt.Sprint("pkg-", w))
		})
	}
	s.registry.ClearFaults()
	for path, b := range want {
		eventually(t, path, func() bool { return s.get(path).status == http.StatusOK })
		s.serves(path, b)
	}
	for i := range 24 {
		s.versions(documentPath("main", fmt.Sprint("pkg-", i)), "1.0.0", "1.1.0", "1.2.0")
	}
	s.close()
	s.remote.Down()
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before+2 })
}

// habit gets a tarball in one of the ways that clients have.
func (s *site) habit(w int, path string, want []byte) {
	switch w % 4 {
	case 0: // leaves in the middle
		ctx, leave := context.WithTimeout(s.t.Context(), time.Duration(rand.IntN(5_000))*time.Microsecond)
		defer leave()
		if resp, err := client.Do(s.request(http.MethodGet, path, nil).WithContext(ctx)); err == nil {
			io.CopyN(io.Discard, resp.Body, 5000)
			resp.Body.Close()
		}
	case 1: // a range
		r := s.get(path, "Range", "bytes=100-299")
		if r.status == http.StatusPartialContent && r.err == nil && !bytes.Equal(r.body, want[100:300]) {
			s.t.Errorf("a range of %s is wrong", path)
		}
	default:
		r := s.get(path)
		switch {
		case r.err == nil && r.status == http.StatusOK && !bytes.Equal(r.body, want):
			s.t.Errorf("GET %s ended cleanly with wrong bytes", path)
		case r.err == nil && r.status == http.StatusNotFound:
			s.t.Errorf("GET %s: 404 %s", path, r.body)
		}
	}
}

// packumentOf gets an index, which is whole or an error that says whose.
func (s *site) packumentOf(name string) {
	r := s.get(documentPath("main", name))
	switch {
	case r.err != nil || r.status >= 500:
	case r.status != http.StatusOK || !bytes.Contains(r.body, []byte(`"1.2.0"`)):
		s.t.Errorf("GET %s: %d %.200s", name, r.status, r.body)
	}
}

// TestVariants: an index is one document, whoever asks for it in whatever coding, and its addresses are those under
// which the client knows us.
func TestVariants(t *testing.T) {
	s := start(t, setup{})
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Manifest: map[string]any{"description": string(bytes.Repeat([]byte("x"), 2000))}})
	path := documentPath("main", "left-pad")
	plain := s.get(path, "Accept-Encoding", "identity")
	for range 3 {
		zipped := s.get(path, "Accept-Encoding", "gzip")
		if zipped.header.Get("Content-Encoding") != "gzip" || !bytes.Equal(gunzip(t, zipped.body), plain.body) {
			t.Errorf("gzip: %q, %d bytes", zipped.header.Get("Content-Encoding"), len(zipped.body))
		}
		if zipped.header.Get("ETag") == plain.header.Get("ETag") {
			t.Error("two codings have one ETag")
		}
		for _, etag := range []string{plain.header.Get("ETag"), zipped.header.Get("ETag")} {
			for _, coding := range []string{"gzip", "identity"} {
				if r := s.get(path, "Accept-Encoding", coding, "If-None-Match", etag); r.status != http.StatusNotModified {
					t.Errorf("%s with the tag %s: %d", coding, etag, r.status)
				}
			}
		}
		if vary := zipped.header.Get("Vary"); vary != "Accept, Accept-Encoding" {
			t.Errorf("Vary: %s", vary)
		}
		for _, host := range []string{"localhost:1234", "127.0.0.1", "packages.localhost"} {
			req := s.request(http.MethodGet, path, nil)
			req.Host = host
			resp, err := client.Do(req)
			s.must(err)
			b, err := io.ReadAll(resp.Body)
			s.must(err)
			resp.Body.Close()
			if !bytes.Contains(b, []byte(`"http://`+host+`/npm/main/left-pad/-/left-pad-1.0.0.tgz"`)) {
				t.Errorf("for %s the tarball is elsewhere: %.600s", host, b)
			}
		}
	}
	s.asked("*", 1)
}
