package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"entrepot/cache/blob"
)

// tail is how much of a body is held back until it is verified and recorded (invariant 4). A body that fits in it is
// held back whole, so that wrong bytes are an error before the first header.
const tail = 64 << 10

// Fill is one download in flight. One goroutine writes; readers have none of their own.
type Fill struct {
	fills *Fills
	key   string

	asked []RepositoryID // guarded by Fills.mu
	told  int            // how many of asked commit has seen; guarded by Fills.mu

	mu          sync.Mutex    // guards what follows
	wake        chan struct{} // closed at the next change; nil: nobody waits
	head        bool          // size and contentType are known
	size        int64         // -1: unknown until the end
	contentType string
	written     int64 // bytes received
	ended       bool
	err         error // after the end
	digest      blob.Digest

	spool    blob.Spool
	uses     int       // of the spool: the fill's own and the readers'; the last closes it
	overflow *overflow // what the store had no room for
	readers  map[*fillReader]struct{}
}

// Head waits for the registry's response head, and for the end of a body that fits in the held back tail. size is -1 if
// it is unknown.
func (f *Fill) Head(ctx context.Context) (size int64, contentType string, err error) {
	err = f.await(ctx, func() bool {
		return f.ended || f.head && (f.size > tail || f.size < 0 && f.written > tail)
	})
	if err != nil {
		return -1, "", err
	}
	defer f.mu.Unlock()
	return f.size, f.contentType, f.err
}

// Wait waits for the end of the fill. The error is blob.ErrFull if the bytes were passed through and not stored.
func (f *Fill) Wait(ctx context.Context) (blob.Digest, int64, error) {
	if err := f.await(ctx, func() bool { return f.ended }); err != nil {
		return blob.Digest{}, 0, err
	}
	defer f.mu.Unlock()
	if f.err == nil && f.digest.IsZero() {
		return blob.Digest{}, f.size, fmt.Errorf("passed through: %w", blob.ErrFull)
	}
	return f.digest, f.size, f.err
}

// await waits until ready, which is called with f.mu held, and returns with f.mu held; or without it and with ctx's
// error.
func (f *Fill) await(ctx context.Context, ready func() bool) error {
	f.mu.Lock()
	for !ready() {
		if f.wake == nil {
			f.wake = make(chan struct{})
		}
		wake := f.wake
		f.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		f.mu.Lock()
	}
	return nil
}

// change changes the state and wakes all who wait.
func (f *Fill) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.wakeLocked()
}

func (f *Fill) wakeLocked() {
	if f.wake != nil {
		close(f.wake)
		f.wake = nil
	}
}

// run fills, from the request to the last row.
func (f *Fill) run(open OpenFunc, commit CommitFunc) {
	ctx, cancel := context.WithTimeoutCause(f.fills.ctx, f.fills.o.Budget, errBudget)
	defer cancel()
	digest, err := f.fill(ctx, open, commit)
	f.fills.forget(f, false)
	f.change(func() {
		f.ended, f.err, f.digest = true, err, digest
		if err == nil {
			f.size = f.written
		}
	})
	if err == nil && digest.IsZero() {
		f.linger(ctx)
	}
	f.release()
}

// release ends one use of the spool.
func (f *Fill) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uses--
	if f.uses == 0 && f.spool != nil {
		f.spool.Close()
	}
}

// fill returns the digest of what it stored; zero without an error if it was passed through.
func (f *Fill) fill(ctx context.Context, open OpenFunc, commit CommitFunc) (blob.Digest, error) {
	src, err := open(ctx)
	if err != nil {
		return blob.Digest{}, err
	}
	body := newFillBody(ctx, src, f.fills.o.Stall)
	defer body.Close()
	sums, err := newSummer(src.Sums)
	if err == nil {
		err = src.settleSize()
	}
	if err != nil {
		return blob.Digest{}, unavailable(src.Connection, err)
	}
	if err := f.begin(ctx, src); err != nil {
		return blob.Digest{}, err
	}
	if err := f.copy(ctx, body, src, sums); err != nil {
		return blob.Digest{}, err
	}
	if err := sums.verify(); err != nil {
		return blob.Digest{}, unavailable(src.Connection, err)
	}
	if f.overflow != nil {
		return blob.Digest{}, nil
	}
	return f.commit(ctx, src, sums, commit)
}

// settleSize holds the announced size against the promised one, so that a wrong one is known before the first byte.
func (s *FillSource) settleSize() error {
	switch {
	case s.Promised <= 0:
	case s.Size < 0:
		s.Size = s.Promised
	case s.Size != s.Promised:
		return fmt.Errorf("%w: %d bytes are announced, and %d were promised", blob.ErrCorrupt, s.Size, s.Promised)
	}
	return nil
}

// begin publishes the head of the response.
func (f *Fill) begin(ctx context.Context, src *FillSource) error {
	spool, err := f.fills.o.Store.Spool(ctx, blob.SpoolOptions{Size: max(0, src.Size)})
	if err != nil && !passable(src, err) {
		return err
	}
	f.change(func() {
		f.head, f.size, f.contentType = true, max(-1, src.Size), src.ContentType
		if f.spool = spool; err != nil {
			f.spool = nil
		}
	})
	if err != nil {
		f.pass()
	}
	return nil
}

// commit names the bytes, then has them recorded (invariant 2: bytes before row).
func (f *Fill) commit(ctx context.Context, src *FillSource, sums *summer, commit CommitFunc) (blob.Digest, error) {
	var refused error
	pin, err := f.spool.Commit(ctx, func(r io.ReaderAt, size int64) error {
		if src.Check != nil {
			refused = src.Check(r, size)
		}
		return refused
	})
	switch {
	case refused != nil:
		return blob.Digest{}, blame(src.Connection, refused)
	case err != nil && passable(src, err):
		f.fills.forget(f, false)
		return blob.Digest{}, nil // verified, and readable from the spool
	case err != nil:
		return blob.Digest{}, err
	}
	defer pin.Release()
	filled := Filled{Pin: pin, Sums: sums.sums(), ContentType: src.ContentType}
	for {
		if err := commit(ctx, filled, f.fills.askers(f)); err != nil {
			return blob.Digest{}, fmt.Errorf("recording %s: %w", pin.Digest, err)
		}
		if f.fills.forget(f, true) {
			return pin.Digest, nil
		}
	}
}

// blame is the error for bytes that Check refuses: the registry's fault, unless Check says whose it is.
func blame(connection string, err error) error {
	if _, ok := errors.AsType[*Refused](err); ok {
		return err
	}
	return unavailable(connection, fmt.Errorf("%w: %w", blob.ErrCorrupt, err))
}

// copy takes the body into the spool.
func (f *Fill) copy(ctx context.Context, body io.Reader, src *FillSource, sums *summer) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		sums.write(buf[:n])
		if werr := f.take(ctx, src, buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return unavailable(src.Connection, err)
		}
	}
}

// take takes what has arrived, and lets readers have it.
func (f *Fill) take(ctx context.Context, src *FillSource, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if f.overflow == nil {
		n, err := f.spool.Write(p)
		f.change(func() { f.written += int64(n) })
		if err == nil {
			return nil
		}
		if !passable(src, err) {
			return err
		}
		f.pass()
		p = p[n:]
	}
	return f.putOverflow(ctx, p)
}
