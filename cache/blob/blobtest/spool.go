package blobtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"sync"
	"testing"

	"entrepot/cache/blob"
)

// fill writes b into a new spool, in pieces of odd sizes.
func fill(t *testing.T, s blob.Store, b []byte, o blob.SpoolOptions) blob.Spool {
	t.Helper()
	sp, err := s.Spool(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sp.Close() })
	for n := 1; len(b) > 0; n = n*3 + 1 {
		n = min(n, len(b))
		if m, err := sp.Write(b[:n]); m != n || err != nil {
			t.Fatalf("Write of %d bytes: %d, %v", n, m, err)
		}
		b = b[n:]
	}
	return sp
}

// commit stores b by way of a spool.
func commit(t *testing.T, s blob.Store, b []byte, o blob.SpoolOptions) *blob.Pin {
	t.Helper()
	sp := fill(t, s, b, o)
	pin, err := sp.Commit(t.Context(), nil)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if err := sp.Close(); err != nil {
		t.Fatalf("Close after Commit: %v", err)
	}
	return pin
}

func readSpool(sp blob.Spool) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(sp, 0, sp.Size()))
}

func testSpoolThenCommit(t *testing.T, s blob.Store) {
	for i, n := range sizes {
		b := content(byte(i), n)
		o := blob.SpoolOptions{Durable: i%2 == 0, Size: int64(n / 2)} // a promise may be wrong
		sp := fill(t, s, b, o)
		checked := false
		pin, err := sp.Commit(t.Context(), func(r io.ReaderAt, size int64) error {
			got, err := io.ReadAll(io.NewSectionReader(r, 0, size))
			checked = bytes.Equal(got, b)
			return err
		})
		if err != nil || !checked {
			t.Fatalf("Commit of %d bytes: %v; check saw them: %v", n, err, checked)
		}
		if pin.Digest != blob.Sum(b) || pin.Size != int64(n) {
			t.Fatalf("Commit pinned %s of %d bytes, want %s of %d", pin.Digest, pin.Size, blob.Sum(b), n)
		}
		if err := s.Remove(t.Context(), pin.Digest); !errors.Is(err, blob.ErrPinned) {
			t.Errorf("Remove under the pin of Commit: %v, want ErrPinned", err)
		}
		want(t, s, b)
		if _, err := sp.Write([]byte("x")); err == nil {
			t.Error("a committed spool took more bytes")
		}
		if again, err := sp.Commit(t.Context(), nil); err == nil {
			again.Release()
			t.Error("Commit worked twice")
		}
		if got, err := readSpool(sp); err != nil || !bytes.Equal(got, b) {
			t.Errorf("ReadAt after Commit: %d bytes, %v", len(got), err)
		}
		pin.Release()
		sp.Close()
		want(t, s, b)
	}
}

func testSpoolThenClose(t *testing.T, s blob.Store) {
	b := content(1, 5000)
	sp := fill(t, s, b, blob.SpoolOptions{Size: 5000})
	if err := sp.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sp.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := sp.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("a closed spool was read")
	}
	if _, err := sp.Write(b); err == nil {
		t.Error("a closed spool took bytes")
	}
	if _, err := sp.Commit(t.Context(), nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Commit of a closed spool: %v, want fs.ErrClosed", err)
	}
	wantNone(t, s, blob.Sum(b))
	if n := count(t, s); n != 0 {
		t.Errorf("%d blobs, want none", n)
	}
}

func testRefusedCommit(t *testing.T, s blob.Store) {
	b := content(1, 5000)
	sp := fill(t, s, b, blob.SpoolOptions{})
	refused := errors.New("not the bytes that were promised")
	pin, err := sp.Commit(t.Context(), func(io.ReaderAt, int64) error { return refused })
	if !errors.Is(err, refused) || pin != nil {
		t.Fatalf("Commit: %v, want the error of check", err)
	}
	if got, err := readSpool(sp); err != nil || !bytes.Equal(got, b) {
		t.Errorf("ReadAt after a refused Commit: %d bytes, %v", len(got), err)
	}
	sp.Close()
	wantNone(t, s, blob.Sum(b))
}

// testSpoolReaders has readers beside the writer, each of whom must see a prefix of the bytes, at last all.
func testSpoolReaders(t *testing.T, s blob.Store) {
	b := content(1, 1<<20)
	sp, err := s.Spool(t.Context(), blob.SpoolOptions{Size: int64(len(b))})
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	grown := sync.NewCond(new(sync.Mutex))
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			buf := make([]byte, 10_000)
			for off := int64(0); off < int64(len(b)); {
				grown.L.Lock()
				for sp.Size() <= off {
					grown.Wait()
				}
				grown.L.Unlock()
				n, err := sp.ReadAt(buf, off)
				if n == 0 || err != nil && err != io.EOF || !bytes.Equal(buf[:n], b[off:off+int64(n)]) {
					t.Errorf("ReadAt at %d: %d bytes, %v", off, n, err)
					return
				}
				off += int64(n)
			}
			if n, err := sp.ReadAt(buf, int64(len(b))); n != 0 || err != io.EOF {
				t.Errorf("ReadAt at the end: %d, %v, want io.EOF", n, err)
			}
		})
	}
	for off := 0; off < len(b); off += 7000 {
		grown.L.Lock()
		sp.Write(b[off:min(off+7000, len(b))])
		grown.L.Unlock()
		grown.Broadcast()
	}
	pin, err := sp.Commit(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pin.Release()
	readers.Wait()
	want(t, s, b)
}
