package blob_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

// BenchmarkOpenWarm opens and closes a blob that the open-file cache has: an fstat and one small allocation.
func BenchmarkOpenWarm(b *testing.B) {
	s := openDisk(b, b.TempDir(), blob.DiskOptions{})
	d := blobtest.Put(b, s, make([]byte, 16<<10))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f, err := s.Open(b.Context(), d)
			if err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
}

// BenchmarkOpenVerified opens a blob that is verified but not kept open.
func BenchmarkOpenVerified(b *testing.B) {
	s := openDisk(b, b.TempDir(), blob.DiskOptions{OpenFiles: -1})
	d := blobtest.Put(b, s, make([]byte, 16<<10))
	b.ReportAllocs()
	for b.Loop() {
		f, err := s.Open(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkMemoryBytes is the hot path of a small blob.
func BenchmarkMemoryBytes(b *testing.B) {
	m := openMemory(b, blobtest.Fake(), 1<<20)
	d := blobtest.Put(b, m, make([]byte, 16<<10))
	if _, err := blobtest.Get(b.Context(), m, d); err != nil {
		b.Fatal(err)
	}
	blob.WaitMemory(m)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := m.Bytes(d); !ok {
				b.Fatal("not in memory")
			}
		}
	})
}

// BenchmarkSpool writes, hashes and commits blobs that are not stored yet, in the pieces that a connection gives.
func BenchmarkSpool(b *testing.B) {
	for _, size := range []int{3 << 10, 320 << 10, 16 << 20} {
		for _, durable := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/durable=%v", size>>10, durable), func(b *testing.B) {
				benchmarkSpool(b, make([]byte, size), blob.SpoolOptions{Size: int64(size), Durable: durable})
			})
		}
	}
}

func benchmarkSpool(b *testing.B, content []byte, o blob.SpoolOptions) {
	s := openDisk(b, b.TempDir(), blob.DiskOptions{})
	rnd := rand.NewChaCha8([32]byte{})
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	buf := make([]byte, 32<<10)
	for b.Loop() {
		rnd.Read(content[:16])
		sp, err := s.Spool(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		// Without the methods that would pass the bytes on in one piece.
		if _, err := io.CopyBuffer(struct{ io.Writer }{sp}, struct{ io.Reader }{bytes.NewReader(content)}, buf); err != nil {
			b.Fatal(err)
		}
		pin, err := sp.Commit(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		pin.Release()
		sp.Close()
		b.StopTimer()
		s.Remove(b.Context(), pin.Digest)
		b.StartTimer()
	}
}
