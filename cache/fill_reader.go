package cache

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"entrepot/cache/blob"
)

// Reader reads the bytes from the start while they arrive, the last 64 KiB once they are verified and recorded. A
// failure of the fill, or the end of ctx, is its error; io.EOF comes after good bytes only. It is for one goroutine.
func (f *Fill) Reader(ctx context.Context) io.ReadCloser {
	r := &fillReader{f: f, ctx: ctx}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.uses > 0 {
		f.uses++
		r.live = true
	}
	f.readers[r] = struct{}{}
	return r
}

// fillReader reads a fill; once the fill is over and its spool closed, the blob.
type fillReader struct {
	f      *Fill
	ctx    context.Context
	live   bool  // holds a use of the spool
	off    int64 // guarded by f.mu: it says what an overflow must keep
	file   blob.File
	closed bool
}

func (r *fillReader) Read(p []byte) (int, error) {
	switch {
	case r.closed:
		return 0, fs.ErrClosed
	case len(p) == 0:
		return 0, nil
	}
	f := r.f
	if err := f.await(r.ctx, func() bool { return f.ended || f.readable() > r.off }); err != nil {
		return 0, err
	}
	// f.mu is held from here.
	left := f.readable() - r.off
	if left <= 0 {
		defer f.mu.Unlock()
		if f.err != nil {
			return 0, f.err
		}
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), left)]
	if f.overflow != nil && r.off >= f.overflow.start {
		defer f.mu.Unlock()
		n, err := f.overflow.readAt(p, r.off)
		r.advance(n)
		return n, err
	}
	if f.overflow != nil {
		p = p[:min(int64(len(p)), f.overflow.start-r.off)]
	}
	f.mu.Unlock()
	return r.readStored(p)
}

// readStored reads what is in the spool, or in the blob that it became.
func (r *fillReader) readStored(p []byte) (int, error) {
	var from io.ReaderAt = r.f.spool
	if !r.live {
		if err := r.open(); err != nil {
			return 0, err
		}
		from = r.file
	}
	n, err := from.ReadAt(p, r.off)
	r.f.mu.Lock()
	r.advance(n)
	r.f.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	if err == nil || err == io.EOF { // we were told that there is more
		err = io.ErrUnexpectedEOF
	}
	return 0, fmt.Errorf("reading a download: %w", err)
}

func (r *fillReader) open() error {
	if r.file != nil {
		return nil
	}
	digest, _, err := r.f.Wait(r.ctx)
	if err != nil {
		return err
	}
	file, err := r.f.fills.o.Store.Open(r.ctx, digest)
	if err != nil {
		return err
	}
	r.file = file
	return nil
}

// advance notes how far the reader is. f.mu is held.
func (r *fillReader) advance(n int) {
	r.off += int64(n)
	if r.f.overflow != nil {
		r.f.wakeLocked() // there may be room now
	}
}

// Close lets go. It may be called more than once.
func (r *fillReader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.f.change(func() {
		delete(r.f.readers, r)
		if r.f.overflow != nil {
			r.f.overflow.served = true
		}
	})
	if r.live {
		r.f.release()
	}
	if r.file != nil {
		return r.file.Close()
	}
	return nil
}

// readable is up to where readers may read. f.mu is held.
func (f *Fill) readable() int64 {
	switch {
	case f.ended && f.err == nil:
		return f.written
	case f.size >= 0:
		return max(0, min(f.written, f.size-tail))
	default:
		return max(0, f.written-tail)
	}
}
