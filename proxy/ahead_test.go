package proxy_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"entrepot/bench/registry"
)

// A lockfile install asks for tarballs whose index was never read. The tarball is asked for while the index is on its
// way, and handed out when the index has said what its bytes must be.
func TestATarballIsAskedForBesideItsIndex(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddNPM("left", "1.0.0", registry.NPMVersion{Size: 1 << 20})
	s := start(t, setup{registry: r})
	clear := r.Fault("/npm/left", registry.Fault{Stall: -1})
	got := make(chan reply, 1)
	go func() { got <- s.get("npm/main/left/-/left-1.0.0.tgz") }()
	late := time.After(time.Minute)
	for r.Requests("*left-1.0.0.tgz") == 0 {
		select {
		case a := <-got:
			t.Fatalf("answered without an index: %d, %v", a.status, a.err)
		case <-late:
			t.Fatal("the tarball waits for the index")
		default:
			runtime.Gosched()
		}
	}
	clear()
	if a := <-got; a.status != http.StatusOK || a.err != nil || len(a.body) == 0 {
		t.Fatalf("%d, %v, %d bytes", a.status, a.err, len(a.body))
	}
	s.asked("*left-1.0.0.tgz", 1)
	s.asked("/npm/left", 1)
}

func TestWrongBytesOfAGuessAreRefused(t *testing.T) {
	r := registry.New(registry.Options{})
	want := r.AddNPM("left", "1.0.0", registry.NPMVersion{Manifest: map[string]any{}})
	s := start(t, setup{registry: r})
	r.Fault("*left-1.0.0.tgz", registry.Fault{Times: 1, Flip: 3}) // what the guess brings is wrong
	if a := s.get("npm/main/left/-/left-1.0.0.tgz"); a.status != http.StatusBadGateway {
		t.Errorf("wrong bytes of a guess are handed out: %d", a.status)
	}
	if got := s.ok("npm/main/left/-/left-1.0.0.tgz"); string(got) != string(want) {
		t.Error("the right bytes are not handed out afterwards")
	}
}
