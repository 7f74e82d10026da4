package blob

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"

	"github.com/dgraph-io/ristretto/v2"
)

// SmallBlob is the size in bytes up to which memory keeps blobs by default. Measured with net/http, bytes from memory
// win over sendfile below 64 KiB, and lose from 256 KiB upwards.
const SmallBlob = 64 << 10

// Memory is a Store that keeps small blobs of another in memory, those that are asked for most often. It never says
// what is stored: opening, pinning and removing remain the other store's business, and are as quick as there. It makes
// reading cheap, and by Bytes free.
type Memory struct {
	Store // the other one
	max   int64
	cache *ristretto.Cache[uint64, *held] // nil: the budget is 0
}

// held is a blob in memory. It is immutable (invariant 8).
type held struct {
	digest Digest
	bytes  []byte
}

// heldCost is what a held blob costs besides its bytes: the struct, its slot in the map, its size class. The cache adds
// what it needs itself.
const heldCost = 160

// NewMemory keeps blobs of up to largest bytes (0: SmallBlob) in up to budget bytes of memory (0: none at all). Close
// it when nobody uses it any more; the store under it is the caller's to close.
func NewMemory(under Store, budget, largest int64) (*Memory, error) {
	if largest <= 0 {
		largest = SmallBlob
	}
	m := &Memory{Store: under, max: largest}
	if budget <= 0 {
		return m, nil
	}
	var err error
	m.cache, err = ristretto.NewCache(&ristretto.Config[uint64, *held]{
		// A hundred counters for each blob of some 8 KiB that fits: with 100 the hit ratio was 64 %, with the 10 that
		// are usual 58 % (Zipf 1.01). At 4.4 bytes each they take 5 % of the budget, and none of it before it is used.
		NumCounters: max(100*(budget/(8<<10)), 10_000),
		MaxCost:     budget,
		BufferItems: 64, // what the library recommends
		Metrics:     true,
		// Nothing expires here: look for it once an hour, not every 2.5 s.
		TtlTickerDurationInSec: 3600,
	})
	if err != nil {
		return nil, fmt.Errorf("memory for blobs: %w", err)
	}
	return m, nil
}

// Close lets go of the memory. It leaves the store under it open.
func (m *Memory) Close() error {
	m.cache.Close()
	return nil
}

// key is a digest's place in the cache. Two digests may share one: whoever reads compares the digest, so that the worst
// they do is displace each other.
func key(d Digest) uint64 { return binary.LittleEndian.Uint64(d[:]) }

// Bytes returns a blob's bytes if memory has them, without I/O and without waiting. They must not be changed. They are
// right for ever, though the blob may have been removed from the store: that it is still wanted, the caller knows.
func (m *Memory) Bytes(d Digest) ([]byte, bool) {
	h, ok := m.cache.Get(key(d))
	if !ok || h.digest != d {
		return nil, false
	}
	return h.bytes, true
}

// Open implements Store. The Files of small blobs also have Bytes() []byte, which must not be changed.
func (m *Memory) Open(ctx context.Context, d Digest) (File, error) {
	f, err := m.Store.Open(ctx, d)
	if err != nil || m.cache == nil || f.Size() > m.max {
		return f, err
	}
	b, ok := m.Bytes(d)
	if !ok {
		if b, err = m.load(ctx, d, f); err != nil {
			f.Close()
			return nil, fmt.Errorf("blob %s: %w", d, err)
		}
	}
	return &memoryFile{File: f, bytes: b}, nil
}

// load reads a blob and offers it to the cache, which may decline: it takes what it expects to be asked for again.
// The bytes are verified once more (60 µs at most): nothing would find a wrong one while it is in memory.
func (m *Memory) load(ctx context.Context, d Digest, f File) ([]byte, error) {
	b := make([]byte, f.Size())
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	if Sum(b) != d {
		return nil, m.doubt(ctx, d)
	}
	m.cache.Set(key(d), &held{digest: d, bytes: b}, int64(len(b))+heldCost)
	return b, nil
}

// verifier is a store that can be told to look again at a blob it believes to be right.
type verifier interface {
	Verify(ctx context.Context, d Digest) error
}

// doubt has the store under it find out for itself that a blob is corrupt, so that it removes it.
func (m *Memory) doubt(ctx context.Context, d Digest) error {
	if v, ok := m.Store.(verifier); ok {
		if err := v.Verify(ctx, d); err != nil {
			return err
		}
	}
	return ErrCorrupt
}

// MemoryStats are counts since the start.
type MemoryStats struct {
	Hits, Misses uint64 // of Bytes and Open
	Used         int64  // bytes of the budget in use
}

// Stats returns what the memory did. It is all zero without a budget.
func (m *Memory) Stats() MemoryStats {
	if m.cache == nil {
		return MemoryStats{}
	}
	c := m.cache.Metrics
	return MemoryStats{Hits: c.Hits(), Misses: c.Misses(), Used: int64(c.CostAdded() - c.CostEvicted())}
}

// memoryFile is the File of a small blob. The other store's File keeps the blob pinned.
type memoryFile struct {
	File
	bytes []byte
}

// Bytes returns the whole blob. It must not be changed.
func (f *memoryFile) Bytes() []byte { return f.bytes }

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if off >= int64(len(f.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, f.bytes[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
