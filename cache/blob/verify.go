package blob

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// stamp is what tells cheaply that a file is still what was verified.
type stamp struct {
	size  int64
	mtime int64  // nanoseconds since 1970
	inode uint64 // 0 where the system has none
}

// Verify reads a blob again from end to end, whatever is known of it, and keeps it from being opened meanwhile. A
// corrupt blob is removed and reported as Open does.
func (d *Disk) Verify(ctx context.Context, dg Digest) error {
	e, err := d.enter(ctx, dg)
	if err != nil {
		return err
	}
	defer d.leave(dg, e)
	d.mu.Lock()
	old := d.forget(dg, e)
	d.mu.Unlock()
	old.closeUnused()
	h, err := d.load(ctx, dg, e)
	if err != nil {
		return fmt.Errorf("blob %s: %w", dg, err)
	}
	d.release(h)
	return nil
}

// verify compares the bytes of f with their name (invariant 4). st is what f looks like; it must still be that in the
// end, else somebody wrote to a named blob. A disk that cannot be read is its own error and costs no blob.
func (d *Disk) verify(ctx context.Context, dg Digest, e *entry, f *os.File, st stamp) error {
	hash := sha256.New()
	buf := make([]byte, 128<<10) // larger ones make it no faster
	for off := int64(0); off < st.size; {
		if ctx.Err() != nil && !d.awaited(e) {
			return ctx.Err()
		}
		n, err := f.ReadAt(buf[:min(int64(len(buf)), st.size-off)], off)
		hash.Write(buf[:n])
		off += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	now, err := stampOf(f)
	if err != nil {
		return err
	}
	if now != st || Digest(hash.Sum(nil)) != dg {
		return ErrCorrupt
	}
	return nil
}

// awaited reports whether others wait for the caller of enter.
func (d *Disk) awaited(e *entry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return e.waiting > 0
}
