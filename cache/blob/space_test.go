package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
)

func openInternal(t *testing.T, o DiskOptions) *Disk {
	t.Helper()
	d, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// counted returns the usage when all is counted.
func counted(t *testing.T, d *Disk) Usage {
	t.Helper()
	d.startCounting()
	d.counting.Wait()
	u := d.Usage()
	if !u.Counted {
		t.Error("the store was not counted")
	}
	return u
}

// TestReservations has spools that no disk of that size can hold together.
func TestReservations(t *testing.T) {
	const mib = 1 << 20
	var refused int64
	d := openInternal(t, DiskOptions{MinFree: 100 * mib, OnFull: func(n int64) { refused += n }})
	d.space.free = func() (int64, error) { return 110 * mib, nil }

	var spools []Spool
	for range 10 {
		s, err := d.Spool(t.Context(), SpoolOptions{Size: 4 * mib})
		if err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		if err == nil {
			defer s.Close()
			spools = append(spools, s)
		}
	}
	if len(spools) != 2 || refused != 8*4*mib {
		t.Fatalf("%d spools of 4 MiB were promised 10 MiB, and %d bytes refused", len(spools), refused)
	}
	unknown, err := d.Spool(t.Context(), SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer unknown.Close()
	n, err := io.Copy(unknown, bytes.NewReader(make([]byte, 3*mib)))
	if !errors.Is(err, ErrFull) {
		t.Errorf("a spool of unknown size took %d bytes of 2 MiB: %v, want ErrFull", n, err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(unknown, 0, unknown.Size())); int64(len(got)) != n || err != nil {
		t.Errorf("%d bytes are still readable, %v, want %d", len(got), err, n)
	}
	if _, err := unknown.Commit(t.Context(), nil); !errors.Is(err, ErrFull) {
		t.Errorf("Commit: %v, want ErrFull", err)
	}
	unknown.Close()
	for _, s := range spools {
		s.Close()
	}
	if u := d.Usage(); u.Reserved != 0 || u.Spools != 0 {
		t.Errorf("in the end %d bytes are reserved and %d spooled", u.Reserved, u.Spools)
	}
}

// TestMaxSize fills a store to its limit. What it has already takes no room twice.
func TestMaxSize(t *testing.T) {
	d := openInternal(t, DiskOptions{MaxSize: 1000})
	counted(t, d)
	put := func(seed byte, n int64) error {
		b := bytes.Repeat([]byte{seed}, int(n))
		pin, err := d.Put(t.Context(), Sum(b), n, bytes.NewReader(b))
		pin.Release()
		return err
	}
	for i, tt := range []struct {
		seed byte
		n    int64
		used int64 // 0: refused
	}{{1, 400, 400}, {1, 400, 400}, {2, 500, 900}, {3, 200, 0}, {4, 100, 1000}, {5, 1, 0}} {
		err := put(tt.seed, tt.n)
		if tt.used == 0 && !errors.Is(err, ErrFull) || tt.used != 0 && err != nil {
			t.Errorf("%d: Put of %d bytes: %v", i, tt.n, err)
		}
		if u := d.Usage(); tt.used != 0 && (u.Blobs != tt.used || u.Spools != 0 || u.Reserved != 0) {
			t.Errorf("%d: %+v, want %d bytes of blobs", i, u, tt.used)
		}
	}
	if err := d.Remove(t.Context(), Sum(bytes.Repeat([]byte{2}, 500))); err != nil {
		t.Fatal(err)
	}
	if err := put(3, 200); err != nil {
		t.Errorf("Put where room was made: %v", err)
	}
}

// TestUsageWhileCounting stores and removes blobs while those that were there are counted.
func TestUsageWhileCounting(t *testing.T) {
	d := openInternal(t, DiskOptions{})
	store := func(i int) Digest {
		b := fmt.Appendf(nil, "blob %d", i)
		pin, err := d.Put(t.Context(), Sum(b), int64(len(b)), bytes.NewReader(b))
		if err != nil {
			t.Error(err)
		}
		pin.Release()
		return Sum(b)
	}
	for i := range 300 {
		store(i)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < 600; i += 4 {
				if dg := store(i); i%3 == 0 {
					if err := d.Remove(t.Context(), dg); err != nil {
						t.Error(err)
					}
				}
				if i == 100 {
					d.Usage() // starts to count
				}
			}
		})
	}
	wg.Wait()
	u := counted(t, d)
	var sum int64
	for info, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size
	}
	if u.Blobs != sum || sum == 0 {
		t.Errorf("%d bytes are accounted for, %d are there", u.Blobs, sum)
	}
}

// TestFullDisk writes to a device that is always full.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full")
	}
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	d := openInternal(t, DiskOptions{})
	s, err := d.spool(t.Context(), SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.file.Close()
	s.file = full
	if n, err := s.Write([]byte("bytes")); n != 0 || !errors.Is(err, ErrFull) {
		t.Errorf("Write: %d, %v, want ErrFull", n, err)
	}
	if _, err := s.Commit(context.Background(), nil); !errors.Is(err, ErrFull) {
		t.Errorf("Commit: %v, want ErrFull", err)
	}
}

func TestFreeSpace(t *testing.T) {
	if n, err := freeSpace(t.TempDir()); n <= 0 || err != nil {
		t.Errorf("freeSpace: %d, %v", n, err)
	}
}
