// Package blob keeps immutable bytes under the SHA-256 of their content.
//
// A Store belongs to one domain. It guarantees:
//
//   - a named blob is complete and never changes (invariant 1);
//   - bytes that a File or a Pin refers to are not removed (invariant 2);
//   - bytes that no longer match their name are never handed out as if they did (invariant 4).
//
// What a blob is for, and whether anybody still refers to it, is the index's business.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"
)

// Digest names a blob: the SHA-256 of its bytes.
type Digest [sha256.Size]byte

// String returns the digest as 64 lower-case hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d is unset.
func (d Digest) IsZero() bool { return d == Digest{} }

// ParseDigest reads 64 hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("digest of %d characters, want %d", len(s), hex.EncodedLen(len(d)))
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err
}

// Sum returns the digest of b.
func Sum(b []byte) Digest { return sha256.Sum256(b) }

// ErrCorrupt reports bytes that do not match the name or the sum that was promised for them.
var ErrCorrupt = errors.New("bytes do not match their digest")

// ErrPinned reports a removal of a blob that is open or pinned.
var ErrPinned = errors.New("blob is in use")

// Info describes a stored blob.
type Info struct {
	Digest   Digest
	Size     int64
	Modified time.Time
}

// File is an open blob. It pins the digest until it is closed. Some have more to offer to whoever sends them:
//
//   - OS() *os.File is the file behind it, shared with others and valid until Close: for sendfile with an explicit
//     offset or positional reads, nothing else;
//   - Bytes() []byte is all of it, in memory, and must not be changed.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Store holds the blobs of one domain. It is safe for concurrent use.
type Store interface {
	// Open returns the blob, verified, or an error that is fs.ErrNotExist. A blob whose bytes do not match its
	// name is removed and reported as not existing too, with ErrCorrupt in the chain.
	Open(ctx context.Context, d Digest) (File, error)
	// Put stores size bytes of r under d. It verifies them (ErrCorrupt), and replaces a stored copy that is corrupt.
	Put(ctx context.Context, d Digest, size int64, r io.Reader) (*Pin, error)
	// Spool starts a blob whose digest is not known yet. The error is ErrFull if there is no room for it; Write says so
	// too, and what was written before remains readable.
	Spool(ctx context.Context, o SpoolOptions) (Spool, error)
	// Remove deletes a blob, or returns ErrPinned. Removing what is absent is no error.
	Remove(ctx context.Context, d Digest) error
	// All lists the stored blobs in no particular order.
	All(ctx context.Context) iter.Seq2[Info, error]
}

// SpoolOptions say what a spool is to hold.
type SpoolOptions struct {
	Size    int64 // bytes to reserve; 0 or less: unknown
	Durable bool  // Commit returns after the bytes and their name are on the disk (fsync), as a publish needs
}

// Spool takes bytes first and learns their digest at the end. One goroutine writes; any number may ReadAt what is
// written. Commit is called at most once; ReadAt goes on working after Commit, until Close.
type Spool interface {
	io.Writer
	io.ReaderAt
	// Size is the number of bytes written so far.
	Size() int64
	// Commit names the bytes, if check (which may be nil) accepts them. Nothing is stored if it does not.
	Commit(ctx context.Context, check func(io.ReaderAt, int64) error) (*Pin, error)
	// Close forgets the bytes if they were not committed, and ends reading. The last user calls it.
	Close() error
}

// Pin keeps a blob from being removed until it is released.
type Pin struct {
	Digest Digest
	Size   int64

	once    sync.Once
	release func()
}

// NewPin returns a pin that calls release once. It is for implementations of Store.
func NewPin(d Digest, size int64, release func()) *Pin {
	return &Pin{Digest: d, Size: size, release: release}
}

// Release lets go. It may be called on a nil pin and more than once.
func (p *Pin) Release() {
	if p != nil && p.release != nil {
		p.once.Do(p.release)
	}
}
