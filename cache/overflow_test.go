package cache

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"entrepot/cache/blob"
)

// A full store is no reason to refuse a client what the registry has.
func TestAFullStoreStillServes(t *testing.T) {
	for _, room := range []int64{0, 1, 100_000, ringSize} {
		for _, n := range []int{100, tail, ringSize, ringSize + 300_000} {
			for _, unknown := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					y := newYard(t, FillsOptions{})
					y.store.room = room
					if room >= int64(n) {
						return
					}
					d := &download{body: bytesOf(n), first: time.Second, last: 3 * time.Second, parts: 16, unknown: unknown}
					var clients, ready sync.WaitGroup
					ready.Add(3)
					for i := range 3 {
						clients.Go(func() {
							f := y.join(1, d)
							if _, _, err := f.Head(t.Context()); err != nil {
								t.Errorf("head: %v", err)
							}
							r := f.Reader(t.Context())
							defer r.Close()
							ready.Done()
							ready.Wait()
							var got []byte
							buf := make([]byte, 10_000*(i+1))
							for {
								n, err := r.Read(buf)
								got = append(got, buf[:n]...)
								if err == io.EOF {
									break
								}
								if err != nil {
									t.Errorf("room %d, %d bytes: after %d: %v", room, len(d.body), len(got), err)
									break
								}
								time.Sleep(time.Millisecond)
							}
							same(t, got, d.body)
							if _, _, err := f.Wait(t.Context()); !errors.Is(err, blob.ErrFull) {
								t.Errorf("the fill says that it stored it: %v", err)
							}
						})
					}
					clients.Wait()
					wantBlobs(t, y.store, 0)
					if len(y.commits) > 0 {
						t.Error("rows are written for what is not stored")
					}
					time.Sleep(lingering)
					synctest.Wait()
					if n := y.store.count(0); n != 0 {
						t.Errorf("%d spools are still open", n)
					}
				})
			}
		}
	}
}

func TestInvariant4WrongBytesInAFullStore(t *testing.T) {
	for _, n := range []int{100, 1 << 20} {
		y := newYard(t, FillsOptions{})
		y.store.room = 50
		got, err := read(y.join(1, &download{body: bytesOf(n), promise: []byte("others")}))
		if !errors.Is(err, blob.ErrCorrupt) || len(got) > max(0, n-tail) {
			t.Errorf("%d of %d wrong bytes are given, then %v", len(got), n, err)
		}
	}
}

// What sums alone cannot vouch for has to be stored, and so fails.
func TestAFullStoreFailsWhatMustBeChecked(t *testing.T) {
	for _, d := range []*download{
		{body: bytesOf(100), none: true},
		{body: bytesOf(100), check: func(io.ReaderAt, int64) error { return nil }},
	} {
		for _, room := range []int64{0, 50} {
			y := newYard(t, FillsOptions{})
			y.store.room = room
			if _, _, err := y.join(1, d).Head(t.Context()); !errors.Is(err, blob.ErrFull) {
				t.Errorf("got %v", err)
			}
		}
	}
}

// Nobody is served by a download that is neither stored nor read.
func TestAnOverflowEndsWithItsReaders(t *testing.T) {
	for _, readers := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, FillsOptions{Stall: 10 * time.Second})
			y.store.room = 0
			f := y.join(1, &download{body: bytesOf(1 << 20)})
			begun := time.Now()
			if readers > 0 {
				r := f.Reader(t.Context())
				if _, err := r.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
				r.Close()
			}
			_, _, err := f.Wait(t.Context())
			if !errors.Is(err, blob.ErrFull) {
				t.Errorf("got %v", err)
			}
			if waited := time.Since(begun); readers > 0 && waited != 0 || waited > 10*time.Second {
				t.Errorf("it ended after %v", waited)
			}
		})
	}
}

// A client that comes after bytes have left the ring starts a fill of its own.
func TestOverflowsAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{})
		y.store.room = 0
		d := &download{body: bytesOf(1 << 20), last: 10 * time.Second, parts: 10}
		first := y.join(1, d)
		r := first.Reader(t.Context())
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, 500_000)); err != nil {
			t.Fatal(err)
		}
		late, err := read(first)
		if !errors.Is(err, errMissed) || len(late) > 0 {
			t.Errorf("a late reader got %d bytes, %v", len(late), err)
		}
		second := y.join(1, d)
		if second == first {
			t.Fatal("joined what has gone by")
		}
		got, err := read(second)
		if err != nil {
			t.Error(err)
		}
		same(t, got, d.body)
	})
}
