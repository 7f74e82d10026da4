package blob_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

func openMemory(t testing.TB, under blob.Store, budget int64) *blob.Memory {
	t.Helper()
	m, err := blob.NewMemory(under, budget, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestMemory(t *testing.T) {
	for name, budget := range map[string]int64{"Default": 1 << 20, "Tiny": 1, "None": 0} {
		t.Run(name, func(t *testing.T) {
			blobtest.Test(t, func(t *testing.T) blob.Store {
				return openMemory(t, openDisk(t, t.TempDir(), blob.DiskOptions{}), budget)
			})
		})
	}
}

// TestMemoryBytes opens blobs until memory has them; what is too big for it, or without a budget, it never has.
func TestMemoryBytes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		budget int64
		size   int
		keeps  bool
	}{
		{"small", 1 << 20, 5000, true},
		{"empty", 1 << 20, 0, true},
		{"at the limit", 1 << 20, blob.SmallBlob, true},
		{"past the limit", 1 << 20, blob.SmallBlob + 1, false},
		{"without a budget", 0, 5000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := openMemory(t, blobtest.Fake(), tt.budget)
			b := bytes.Repeat([]byte("x"), tt.size)
			d := blobtest.Put(t, m, b)
			if _, ok := m.Bytes(d); ok {
				t.Error("Bytes of what was never read")
			}
			if _, err := blobtest.Get(t.Context(), m, d); err != nil {
				t.Fatal(err)
			}
			blob.WaitMemory(m)
			got, ok := m.Bytes(d)
			if ok != tt.keeps || ok && !bytes.Equal(got, b) {
				t.Errorf("Bytes: %d of them, %v, want %v", len(got), ok, tt.keeps)
			}
			if n := m.Stats().Used; (n > int64(tt.size)) != tt.keeps {
				t.Errorf("%d bytes are in use", n)
			}
		})
	}
}

// TestMemoryStaysInBudget reads many more blobs than fit.
func TestMemoryStaysInBudget(t *testing.T) {
	const budget = 100_000
	m := openMemory(t, blobtest.Fake(), budget)
	for i := range 200 {
		d := blobtest.Put(t, m, bytes.Repeat([]byte{byte(i)}, 5000))
		if _, err := blobtest.Get(t.Context(), m, d); err != nil {
			t.Fatal(err)
		}
		blob.WaitMemory(m)
		if n := m.Stats().Used; n > budget {
			t.Fatalf("%d bytes are in use after %d blobs, the budget is %d", n, i+1, budget)
		}
	}
}

// TestMemoryTakesNoWrongBytes flips a bit that the disk does not notice by itself.
func TestMemoryTakesNoWrongBytes(t *testing.T) {
	dir := t.TempDir()
	m := openMemory(t, openDisk(t, dir, blob.DiskOptions{}), 1<<20)
	d := blobtest.Put(t, m, []byte("bytes of a package"))
	flip(t, pathOf(dir, d), false)
	_, err := m.Open(t.Context(), d)
	if !errors.Is(err, blob.ErrCorrupt) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v, want both ErrCorrupt and fs.ErrNotExist", err)
	}
	blob.WaitMemory(m)
	if _, ok := m.Bytes(d); ok {
		t.Error("memory has wrong bytes")
	}
}
