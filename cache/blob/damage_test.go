package blob_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

// tiers are the stores that keep blobs in a directory.
var tiers = map[string]func(testing.TB, string, blob.DiskOptions) blob.Store{
	"Disk": func(t testing.TB, dir string, o blob.DiskOptions) blob.Store { return openDisk(t, dir, o) },
	"MemoryOverDisk": func(t testing.TB, dir string, o blob.DiskOptions) blob.Store {
		return openMemory(t, openDisk(t, dir, o), 1<<20)
	},
}

func pathOf(dir string, d blob.Digest) string {
	return filepath.Join(dir, "blobs", d.String()[:2], d.String())
}

// flip turns one bit of a file. The clock of a file system may stand for some milliseconds, so the modification time is
// moved by hand, if it is to move.
func flip(t *testing.T, name string, newTime bool) {
	t.Helper()
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	at := fi.ModTime()
	if newTime {
		at = at.Add(time.Second)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestInvariant4DamagedBlobs damages blobs in the ways that can be noticed, and wants each refused, removed, and
// replaceable.
func TestInvariant4DamagedBlobs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		restart bool
		damage  func(t *testing.T, name string)
	}{
		{"bit flipped before the start", true, func(t *testing.T, name string) { flip(t, name, false) }},
		{"bit flipped, new time", false, func(t *testing.T, name string) { flip(t, name, true) }},
		{"truncated before the start", true, func(t *testing.T, name string) { check(t, os.Truncate(name, 7)) }},
		{"truncated", false, func(t *testing.T, name string) { check(t, os.Truncate(name, 7)) }},
		{"emptied", false, func(t *testing.T, name string) { check(t, os.Truncate(name, 0)) }},
		{"longer before the start", true, func(t *testing.T, name string) { check(t, os.Truncate(name, 1<<20)) }},
	} {
		for tier, open := range tiers {
			t.Run(tier+"/"+tt.name, func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir, blob.DiskOptions{})
				b := bytes.Repeat([]byte("bytes of a package "), 5000)
				d := blobtest.Put(t, s, b)
				if _, err := blobtest.Get(t.Context(), s, d); err != nil {
					t.Fatal(err) // this one also has it kept open, and in memory
				}
				tt.damage(t, pathOf(dir, d))
				if tt.restart {
					s = open(t, dir, blob.DiskOptions{})
				}
				refused(t, s, d)
				if _, err := os.Stat(pathOf(dir, d)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the corrupt file is still there: %v", err)
				}
				same(t, s, blobtest.Put(t, s, b), b)
			})
		}
	}
}

// refused wants d refused as corrupt, once, and as absent from then on.
func refused(t *testing.T, s blob.Store, d blob.Digest) {
	t.Helper()
	_, err := blobtest.Get(t.Context(), s, d)
	if !errors.Is(err, blob.ErrCorrupt) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Open of a corrupt blob: %v, want both ErrCorrupt and fs.ErrNotExist", err)
	}
	_, err = blobtest.Get(t.Context(), s, d)
	if errors.Is(err, blob.ErrCorrupt) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Open of what was removed: %v, want fs.ErrNotExist alone", err)
	}
}

func same(t *testing.T, s blob.Store, d blob.Digest, b []byte) {
	t.Helper()
	if got, err := blobtest.Get(t.Context(), s, d); err != nil || !bytes.Equal(got, b) {
		t.Fatalf("Open: %d bytes, %v", len(got), err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPutReplacesCorrupt stores bytes again before anybody noticed that the copy is corrupt.
func TestPutReplacesCorrupt(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){
		"flipped before the start": func(t *testing.T, name string) { flip(t, name, false) },
		"truncated":                func(t *testing.T, name string) { check(t, os.Truncate(name, 7)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := bytes.Repeat([]byte("bytes of a package "), 5000)
			d := blobtest.Put(t, openDisk(t, dir, blob.DiskOptions{}), b)
			s := openDisk(t, dir, blob.DiskOptions{})
			damage(t, pathOf(dir, d))
			blobtest.Put(t, s, b)
			same(t, s, d, b)
		})
	}
}

// TestReplacedFile has another file under the name. Readers of the one kept open are not hurt; without it, the other is
// noticed.
func TestReplacedFile(t *testing.T) {
	for name, files := range map[string]int{"kept open": 1, "not kept open": -1} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openDisk(t, dir, blob.DiskOptions{OpenFiles: files})
			b := []byte("bytes of a package")
			d := blobtest.Put(t, s, b)
			same(t, s, d, b)
			other := filepath.Join(dir, "other")
			check(t, os.WriteFile(other, []byte("other bytes, again"), 0o600))
			check(t, os.Rename(other, pathOf(dir, d)))
			if files > 0 {
				same(t, s, d, b)
			} else {
				refused(t, s, d)
			}
		})
	}
}

// TestVerifyDistrusts has a scrub find what size, time and inode hide.
func TestVerifyDistrusts(t *testing.T) {
	dir := t.TempDir()
	s := openDisk(t, dir, blob.DiskOptions{})
	b := []byte("bytes of a package")
	d := blobtest.Put(t, s, b)
	if err := s.Verify(t.Context(), d); err != nil {
		t.Fatalf("Verify of a good blob: %v", err)
	}
	same(t, s, d, b)
	flip(t, pathOf(dir, d), false)
	if err := s.Verify(t.Context(), d); !errors.Is(err, blob.ErrCorrupt) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Verify of a corrupt blob: %v, want both ErrCorrupt and fs.ErrNotExist", err)
	}
}

// TestLeftovers starts over what a killed process leaves: spools, some of them whole, and a blob moved aside.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := openDisk(t, dir, blob.DiskOptions{})
	b := []byte("bytes of a package")
	d := blobtest.Put(t, s, b)
	sp, err := s.Spool(t.Context(), blob.SpoolOptions{})
	check(t, err)
	if _, err := sp.Write(b[:5]); err != nil {
		t.Fatal(err)
	}
	check(t, os.WriteFile(filepath.Join(dir, "spool", "WHOLE"), b, 0o600))
	for _, name := range []string{"not a digest", blob.Sum(b).String(), strings.Repeat("AB", 32)} {
		check(t, os.WriteFile(filepath.Join(dir, "blobs", "ab", name), b, 0o600)) // under none of these is a blob
	}

	s = openDisk(t, dir, blob.DiskOptions{}) // the other one was not closed
	left, err := os.ReadDir(filepath.Join(dir, "spool"))
	if err != nil || len(left) != 0 {
		t.Errorf("%d leftovers in spool, %v", len(left), err)
	}
	n := 0
	for info, err := range s.All(t.Context()) {
		check(t, err)
		if n++; info.Digest != d {
			t.Errorf("All gave %s", info.Digest)
		}
	}
	if n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	same(t, s, d, b)
}

// TestSameBytesCostOnce looks at the disk itself.
func TestSameBytesCostOnce(t *testing.T) {
	dir := t.TempDir()
	s := openDisk(t, dir, blob.DiskOptions{})
	b := []byte(strings.Repeat("bytes of a package ", 1000))
	for i := range 4 {
		sp, err := s.Spool(t.Context(), blob.SpoolOptions{Durable: i == 3})
		check(t, err)
		_, err = sp.Write(b)
		check(t, err)
		pin, err := sp.Commit(t.Context(), nil)
		check(t, err)
		pin.Release()
		check(t, sp.Close())
	}
	var sum int64
	check(t, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			fi, err := e.Info()
			check(t, err)
			sum += fi.Size()
		}
		return err
	}))
	if sum != int64(len(b)) {
		t.Errorf("the same %d bytes, stored four times, take %d", len(b), sum)
	}
}
