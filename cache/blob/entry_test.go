package blob

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

func putBytes(t *testing.T, d *Disk, b []byte) Digest {
	t.Helper()
	pin, err := d.Put(t.Context(), Sum(b), int64(len(b)), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	pin.Release()
	return pin.Digest
}

// distrust makes d forget that it wrote and verified a blob, as a restart would.
func distrust(d *Disk, dg Digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.verified, dg)
}

// TestOneVerificationForAll has thirty goroutines open a blob that is not verified yet. They share one open file.
func TestOneVerificationForAll(t *testing.T) {
	d := openInternal(t, DiskOptions{})
	dg := putBytes(t, d, []byte("bytes of a package"))
	distrust(d, dg)
	synctest.Test(t, func(t *testing.T) {
		e, err := d.enter(t.Context(), dg) // as one that verifies
		if err != nil {
			t.Fatal(err)
		}
		files := make([]File, 30)
		var wg sync.WaitGroup
		for i := range files {
			wg.Go(func() {
				f, err := d.Open(t.Context(), dg)
				if err != nil {
					t.Error(err)
					return
				}
				files[i] = f
			})
		}
		synctest.Wait()
		if e.waiting != len(files) {
			t.Errorf("%d goroutines wait, want %d", e.waiting, len(files))
		}
		d.leave(dg, e)
		wg.Wait()
		for _, f := range files {
			if f.(*file).h != files[0].(*file).h {
				t.Error("a file was opened twice")
			}
			f.Close()
		}
	})
	if n := d.lru.Len(); n != 1 {
		t.Errorf("%d files are kept open, want 1", n)
	}
}

// TestOneRemovalForAll has thirty goroutines open a corrupt blob: one finds that out, for the others it is absent.
func TestOneRemovalForAll(t *testing.T) {
	d := openInternal(t, DiskOptions{})
	dg := putBytes(t, d, []byte("bytes of a package"))
	distrust(d, dg)
	if err := os.Truncate(filepath.Join(d.dir, blobName(dg)), 3); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	corrupt := make(chan error, 30)
	for range cap(corrupt) {
		wg.Go(func() {
			_, err := d.Open(t.Context(), dg)
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open: %v, want fs.ErrNotExist", err)
			}
			if errors.Is(err, ErrCorrupt) {
				corrupt <- err
			}
		})
	}
	wg.Wait()
	if len(corrupt) != 1 {
		t.Errorf("%d verified the blob, want 1", len(corrupt))
	}
	if len(d.entries) != 0 || len(d.verified) != 0 {
		t.Errorf("%d entries and %d stamps are left", len(d.entries), len(d.verified))
	}
}

// TestWaiterLeaves ends the context of one that waits for a verification, which hurts nobody.
func TestWaiterLeaves(t *testing.T) {
	d := openInternal(t, DiskOptions{})
	dg := putBytes(t, d, []byte("bytes of a package"))
	synctest.Test(t, func(t *testing.T) {
		e, err := d.enter(t.Context(), dg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := d.Open(ctx, dg); !errors.Is(err, context.Canceled) {
				t.Errorf("Open: %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		d.leave(dg, e)
	})
	if len(d.entries) != 0 {
		t.Errorf("%d entries are left", len(d.entries))
	}
}

// TestVerifierLeaves ends the context of the one that verifies: it goes on as long as others wait for it.
func TestVerifierLeaves(t *testing.T) {
	d := openInternal(t, DiskOptions{})
	dg := putBytes(t, d, []byte("bytes of a package"))
	f, err := d.root.Open(blobName(dg))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := stampOf(f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.verify(ctx, dg, &entry{waiting: 1}, f, st); err != nil {
		t.Errorf("awaited: %v", err)
	}
	if err := d.verify(ctx, dg, &entry{}, f, st); !errors.Is(err, context.Canceled) {
		t.Errorf("not awaited: %v, want context.Canceled", err)
	}
}

// TestOpenFilesAreBounded reads more blobs than may be kept open, and counts what is left of them.
func TestOpenFilesAreBounded(t *testing.T) {
	d := openInternal(t, DiskOptions{OpenFiles: 3})
	before := descriptors(t)
	var held []File
	for i := range 10 {
		dg := putBytes(t, d, []byte{byte(i)})
		for range 2 {
			f, err := d.Open(t.Context(), dg)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, f)
		}
	}
	for i, f := range held {
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, 0); err != nil || b[0] != byte(i/2) {
			t.Errorf("a file that left the cache while it was read: %v, %v", b, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if _, err := f.ReadAt(b, 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("ReadAt after Close: %v", err)
		}
	}
	if len(d.entries) != 3 || d.lru.Len() != 3 {
		t.Errorf("%d entries and %d open files are left, want 3", len(d.entries), d.lru.Len())
	}
	if n := descriptors(t) - before; n != 3 && runtime.GOOS == "linux" {
		t.Errorf("%d descriptors are left open, want 3", n)
	}
}

// descriptors counts the process's open files, on Linux.
func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestStampsAreBounded remembers more verified blobs than it has room for.
func TestStampsAreBounded(t *testing.T) {
	d := &Disk{verified: make(map[Digest]stamp)}
	for i := range maxStamps + 1000 {
		d.remember(Digest{byte(i), byte(i >> 8), byte(i >> 16)}, stamp{})
	}
	if n := len(d.verified); n != maxStamps {
		t.Errorf("%d stamps, want %d", n, maxStamps)
	}
}

// TestDurableReplaces commits durably what is stored already, but never reached the disk for sure.
func TestDurableReplaces(t *testing.T) {
	d := openInternal(t, DiskOptions{})
	b := []byte("bytes of a package")
	dg := putBytes(t, d, b)
	for _, tt := range []struct{ durable, replaces bool }{{false, false}, {true, true}} {
		was, err := d.stored(dg)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Spool(t.Context(), SpoolOptions{Durable: tt.durable})
		if err != nil {
			t.Fatal(err)
		}
		s.Write(b)
		pin, err := s.Commit(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if now, err := d.stored(dg); err != nil || (now != was) != tt.replaces {
			t.Errorf("durable %v: was %v, is %v, %v", tt.durable, was, now, err)
		}
		pin.Release()
		s.Close()
	}
}
