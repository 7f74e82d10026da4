package blobtest

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"

	"entrepot/cache/blob"
)

// testSoak has goroutines store, read and remove the same few blobs. Whoever has a pin must be able to open the blob,
// and whoever opens it must read its bytes, whatever the others do.
func testSoak(t *testing.T, s blob.Store) {
	const workers, rounds = 8, 150
	blobs := make([][]byte, 5)
	for i := range blobs {
		blobs[i] = content(byte(i), 1000<<(2*i)) // up to 256 kB
	}
	var wg sync.WaitGroup
	for w := range workers {
		rnd := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for range rounds {
				b := blobs[rnd.IntN(len(blobs))]
				if !soakStep(t, s, b, rnd.IntN(4)) {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, b := range blobs { // nothing is left pinned
		if err := s.Remove(t.Context(), blob.Sum(b)); err != nil {
			t.Errorf("Remove in the end: %v", err)
		}
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d blobs in the end, want none", n)
	}
}

// soakStep does one thing, and reports whether to go on.
func soakStep(t *testing.T, s blob.Store, b []byte, what int) bool {
	d := blob.Sum(b)
	switch what {
	case 0:
		if err := s.Remove(t.Context(), d); err != nil && !errors.Is(err, blob.ErrPinned) {
			t.Errorf("Remove: %v", err)
			return false
		}
	case 1:
		got, err := Get(t.Context(), s, d)
		if err != nil && (!errors.Is(err, fs.ErrNotExist) || errors.Is(err, blob.ErrCorrupt)) {
			t.Errorf("Open: %v", err)
			return false
		}
		if err == nil && !bytes.Equal(got, b) {
			t.Error("Open gave other bytes")
			return false
		}
	default:
		pin, err := s.Put(t.Context(), d, int64(len(b)), bytes.NewReader(b))
		if err != nil {
			t.Errorf("Put: %v", err)
			return false
		}
		defer pin.Release()
		if got, err := Get(t.Context(), s, d); err != nil || !bytes.Equal(got, b) {
			t.Errorf("a pinned blob: %d bytes, %v", len(got), err)
			return false
		}
	}
	return true
}
