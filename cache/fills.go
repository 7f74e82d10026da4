package cache

import (
	"context"
	"errors"
	"io"
	"time"

	"entrepot/cache/blob"
)

// FillsOptions say where fills are stored and what they may use. Zero values mean the defaults.
type FillsOptions struct {
	Store  blob.Store
	Limit  int           // fills at once; another Join waits: 256
	Budget time.Duration // how long one fill may take in all: 2 hours
	Stall  time.Duration // how long a registry may send nothing: 1 minute
}

// Fills are the downloads in flight. Any number of clients read one while it grows.
type Fills struct{ o FillsOptions }

// NewFills returns the fills of a store. The caller closes it.
func NewFills(o FillsOptions) *Fills { return &Fills{o: o} }

// FillSource is a registry's response whose head has arrived.
type FillSource struct {
	Connection  string // whose fault it is if the body breaks off or is wrong: *Unavailable
	Body        io.ReadCloser
	Size        int64 // -1: unknown
	ContentType string
	Sums        []Sum // promised; all are verified while the bytes arrive (md5, sha1, sha256, sha384, sha512)
	// Check accepts the whole bytes before they are named; nil: nothing to check.
	Check func(r io.ReaderAt, size int64) error
	// Resume continues a body that broke off, from off; nil: it cannot be continued.
	Resume func(ctx context.Context, off int64) (io.ReadCloser, error)
}

// Filled is what a fill has stored.
type Filled struct {
	Pin         *blob.Pin // released when commit has returned
	Sums        []Sum     // what the bytes have, for the promised algorithms
	ContentType string
}

// OpenFunc asks the registry.
type OpenFunc func(ctx context.Context) (*FillSource, error)

// CommitFunc records rows for bytes that are stored and pinned. who are the repositories that asked.
type CommitFunc func(ctx context.Context, f Filled, who []RepositoryID) error

// Join joins the fill of that key, or starts it. open runs once, on the fill's own context, which ends with Close or
// with the fill's budget and not with ctx. commit runs after the bytes are named and before any reader sees their
// end; it runs again for repositories that joined while it ran. Its error fails the fill. An asker of 0 is nobody.
func (f *Fills) Join(ctx context.Context, key string, asker RepositoryID, open OpenFunc, commit CommitFunc) (*Fill, error) {
	return nil, errors.ErrUnsupported
}

// InFlight counts the fills that run and the bytes that they have received so far.
func (f *Fills) InFlight() (fills int, bytes int64) { return 0, 0 }

// Close ends all fills with an error for their readers, and waits for them.
func (f *Fills) Close() error { return nil }

// Fill is one download in flight.
type Fill struct{}

// Head waits for the registry's response head, and for the whole of a body that fits in the held back tail: so a small
// wrong body is a clean error. size is -1 if it is unknown.
func (f *Fill) Head(ctx context.Context) (size int64, contentType string, err error) {
	return -1, "", errors.ErrUnsupported
}

// Reader reads the bytes from the start while they arrive, the last 64 KiB once they are verified and recorded. A
// failure of the fill is its error, never io.EOF.
func (f *Fill) Reader(ctx context.Context) io.ReadCloser { return nil }

// Wait waits for the end of the fill.
func (f *Fill) Wait(ctx context.Context) (blob.Digest, int64, error) {
	return blob.Digest{}, 0, errors.ErrUnsupported
}
