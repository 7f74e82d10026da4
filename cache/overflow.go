package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entrepot/cache/blob"
)

// overflow carries a fill to its readers when the store has no room for it: what no longer fits goes through a ring in
// memory, and the registry sends as fast as the slowest reader reads. Nothing is stored, and the next Join starts a fill of
// its own. Readers have all bytes from the start as long as none has left the ring; one that comes later gets an error.
type overflow struct {
	ring   []byte
	start  int64 // what lies before is in the spool
	base   int64 // the first byte that the ring still has
	served bool  // there has been a reader
}

// ringSize is the memory of one overflow: the held back tail, and as much again for each side to work in.
const ringSize = 4 * tail

// lingering is a long time between a response's head and its body, and a short one to hold a spool and a slot.
const lingering = 2 * time.Second

// errMissed is for a reader that comes to an overflow after its start has gone by.
var errMissed = errors.New("the download is passed through to others, for want of room")

// passable reports whether bytes may be passed through that cannot be stored: only if the registry's sums alone decide
// that they are right. What Check would have to see, and what would be pinned at first sight, must be stored.
func passable(src *FillSource, err error) bool {
	return errors.Is(err, blob.ErrFull) && src.Check == nil && len(src.Sums) > 0
}

// pass goes over to passing through.
func (f *Fill) pass() {
	f.fills.forget(f, false)
	f.change(func() {
		f.overflow = &overflow{ring: make([]byte, ringSize), start: f.written, base: f.written}
	})
}

// linger keeps what is in the spool for a moment: who has the head of a response is about to read its body, and there is
// no blob to read it from.
func (f *Fill) linger(ctx context.Context) {
	select {
	case <-time.After(lingering):
	case <-ctx.Done():
	}
}

// putOverflow puts p into the ring, waiting for the readers to make room. It gives up when they have all left, or when none
// has moved for a while.
func (f *Fill) putOverflow(ctx context.Context, p []byte) error {
	o := f.overflow
	for len(p) > 0 {
		waiting, cancel := context.WithTimeoutCause(ctx, f.fills.o.Stall, errors.New("nobody reads it"))
		err := f.await(waiting, func() bool {
			o.served = o.served || len(f.readers) > 0
			o.base = max(o.base, f.slowest())
			return f.written < o.base+ringSize || o.served && len(f.readers) == 0
		})
		cancel()
		if err != nil {
			return fmt.Errorf("%w: %w", blob.ErrFull, err)
		}
		if o.served && len(f.readers) == 0 {
			f.mu.Unlock()
			return fmt.Errorf("%w: everybody has left", blob.ErrFull)
		}
		n := o.write(p, f.written)
		f.written += int64(n)
		f.wakeLocked()
		f.mu.Unlock()
		p = p[n:]
	}
	return nil
}

// slowest is how far all readers are; f.overflow.base if there are none. f.mu is held.
func (f *Fill) slowest() int64 {
	if len(f.readers) == 0 {
		return f.overflow.base
	}
	least := f.written
	for r := range f.readers {
		if r.off >= f.overflow.base || f.overflow.base == f.overflow.start {
			least = min(least, r.off)
		}
	}
	return least
}

// write puts bytes at off, as many as there is room for before the base comes round again.
func (o *overflow) write(p []byte, off int64) int {
	n := int(min(int64(len(p)), o.base+ringSize-off))
	for done := 0; done < n; {
		done += copy(o.ring[(off+int64(done))%ringSize:], p[done:n])
	}
	return n
}

// readAt reads bytes that are in the ring, at least one.
func (o *overflow) readAt(p []byte, off int64) (int, error) {
	if off < o.base {
		return 0, fmt.Errorf("%w: %w", blob.ErrFull, errMissed)
	}
	return copy(p, o.ring[off%ringSize:]), nil
}
