package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"entrepot/cache/blob"
)

// Test shows that the stores which open returns keep the contract of blob.Store. Each is empty and used for one subtest.
func Test(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, blob.Store)
	}{
		{"Absent", testAbsent},
		{"Invariant1PutThenOpen", testPutThenOpen},
		{"Invariant4PutOfWrongBytesStoresNothing", testPutWrong},
		{"SpoolThenCommit", testSpoolThenCommit},
		{"SpoolThenClose", testSpoolThenClose},
		{"Invariant4RefusedCommitStoresNothing", testRefusedCommit},
		{"SpoolIsReadWhileItGrows", testSpoolReaders},
		{"Invariant2PinsHoldBlobs", testPins},
		{"SameBytesFourTimes", testSameBytes},
		{"All", testAll},
		{"EndedContext", testEndedContext},
		{"Soak", testSoak},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// Sizes are those at which stores change their ways: nothing, a little, around the memory tier's limit, a lot.
var sizes = []int{0, 1, 4096, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1<<20 + 7}

// content returns n bytes that differ from those of other seeds, if there are any.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	x := uint32(seed) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// Put stores b and lets go of the pin.
func Put(t testing.TB, s blob.Store, b []byte) blob.Digest {
	t.Helper()
	d := blob.Sum(b)
	pin, err := s.Put(t.Context(), d, int64(len(b)), bytes.NewReader(b))
	if err != nil {
		t.Fatalf("Put of %d bytes: %v", len(b), err)
	}
	if pin.Digest != d || pin.Size != int64(len(b)) {
		t.Fatalf("Put pinned %s of %d bytes, want %s of %d", pin.Digest, pin.Size, d, len(b))
	}
	pin.Release()
	return d
}

// Get returns the bytes of a blob, or why it cannot be had.
func Get(ctx context.Context, s blob.Store, d blob.Digest) ([]byte, error) {
	f, err := s.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
}

// want checks that the store has b.
func want(t *testing.T, s blob.Store, b []byte) {
	t.Helper()
	got, err := Get(t.Context(), s, blob.Sum(b))
	if err != nil {
		t.Fatalf("Open of %d bytes: %v", len(b), err)
	}
	if !bytes.Equal(got, b) {
		t.Fatalf("read %d bytes of a blob of %d, or others", len(got), len(b))
	}
}

// wantNone checks that the store does not have d.
func wantNone(t *testing.T, s blob.Store, d blob.Digest) {
	t.Helper()
	if _, err := Get(t.Context(), s, d); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Open of what is not stored: %v, want fs.ErrNotExist", err)
	}
}

// count returns how many blobs the store has.
func count(t *testing.T, s blob.Store) int {
	t.Helper()
	n := 0
	for _, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func testAbsent(t *testing.T, s blob.Store) {
	d := blob.Sum([]byte("never stored"))
	wantNone(t, s, d)
	if err := s.Remove(t.Context(), d); err != nil {
		t.Errorf("Remove of what is absent: %v", err)
	}
}

func testPutThenOpen(t *testing.T, s blob.Store) {
	for i, n := range sizes {
		b := content(byte(i), n)
		Put(t, s, b)
		want(t, s, b)
		want(t, s, b) // and warm
	}
	if n := count(t, s); n != len(sizes) {
		t.Errorf("%d blobs, want %d", n, len(sizes))
	}
}

func testPutWrong(t *testing.T, s blob.Store) {
	b := content(1, 5000)
	for name, r := range map[string]io.Reader{
		"other bytes": bytes.NewReader(content(2, 5000)),
		"fewer bytes": bytes.NewReader(b[:4999]),
		"more bytes":  io.MultiReader(bytes.NewReader(b), strings.NewReader("x")),
	} {
		pin, err := s.Put(t.Context(), blob.Sum(b), int64(len(b)), r)
		if !errors.Is(err, blob.ErrCorrupt) || pin != nil {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	broken := errors.New("connection reset")
	r := io.MultiReader(bytes.NewReader(b[:4000]), failing{broken})
	if _, err := s.Put(t.Context(), blob.Sum(b), int64(len(b)), r); !errors.Is(err, broken) {
		t.Errorf("broken reader: %v, want its error", err)
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d blobs are stored, want none", n)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func testPins(t *testing.T, s blob.Store) {
	b := content(1, 5000)
	pin, err := s.Put(t.Context(), blob.Sum(b), int64(len(b)), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Open(t.Context(), pin.Digest)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(who string) {
		t.Helper()
		if err := s.Remove(t.Context(), pin.Digest); !errors.Is(err, blob.ErrPinned) {
			t.Fatalf("Remove under %s: %v, want ErrPinned", who, err)
		}
	}
	refused("a pin and a file")
	pin.Release()
	pin.Release() // counts once
	refused("a file")
	want(t, s, b)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), pin.Digest); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	wantNone(t, s, pin.Digest)
	Put(t, s, b) // and once more
	want(t, s, b)
}

func testSameBytes(t *testing.T, s blob.Store) {
	b := content(1, 100_000)
	for range 2 {
		Put(t, s, b)
		commit(t, s, b, blob.SpoolOptions{Size: int64(len(b))}).Release()
	}
	commit(t, s, b, blob.SpoolOptions{Durable: true}).Release()
	if n := count(t, s); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
	want(t, s, b)
}

func testAll(t *testing.T, s blob.Store) {
	size := map[blob.Digest]int64{}
	for i := range 300 {
		b := content(byte(i), 10+i)
		size[Put(t, s, b)] = int64(len(b))
	}
	for info, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := size[info.Digest]; !ok || n != info.Size || info.Modified.IsZero() {
			t.Errorf("All gave %+v, want size %d (%v)", info, n, ok)
		}
		delete(size, info.Digest)
	}
	if len(size) != 0 {
		t.Errorf("All left out %d blobs", len(size))
	}
	n := 0
	for range s.All(t.Context()) {
		if n++; n == 3 {
			break // must not go on
		}
	}
}

func testEndedContext(t *testing.T, s blob.Store) {
	b := content(1, 5000)
	d := Put(t, s, b)
	want(t, s, b) // warm
	sp, err := s.Spool(t.Context(), blob.SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	sp.Write(content(2, 100))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := content(3, 50)
	_, openErr := s.Open(ctx, d)
	_, putErr := s.Put(ctx, blob.Sum(other), 50, bytes.NewReader(other))
	_, spoolErr := s.Spool(ctx, blob.SpoolOptions{})
	_, commitErr := sp.Commit(ctx, nil)
	for name, err := range map[string]error{
		"Open": openErr, "Put": putErr, "Spool": spoolErr, "Commit": commitErr, "Remove": s.Remove(ctx, d),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if n := count(t, s); n != 1 {
		t.Errorf("%d blobs, want 1", n)
	}
}
