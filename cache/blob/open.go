package blob

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
)

// handle is an open, verified file that any number of readers share.
type handle struct {
	digest Digest
	file   *os.File
	stamp  stamp
	entry  *entry

	refs int           // guarded by Disk.mu: Files, and one for the cache
	elem *list.Element // guarded by Disk.mu: its place in Disk.lru; nil when it is not there
}

// Open implements Store. Of a blob that the open-file cache has it costs one fstat; else the file is opened, and read
// from end to end if this process has not verified it yet. Others who want the same blob meanwhile wait for that one
// reading. It is given up when its caller leaves and nobody else waits.
func (d *Disk) Open(ctx context.Context, dg Digest) (File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if h := d.warm(dg); h != nil {
		return &file{d: d, h: h}, nil
	}
	e, err := d.enter(ctx, dg)
	if err != nil {
		return nil, err
	}
	defer d.leave(dg, e)
	if h := d.warm(dg); h != nil { // another was here first
		return &file{d: d, h: h}, nil
	}
	h, err := d.load(ctx, dg, e)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", dg, err)
	}
	return &file{d: d, h: h}, nil
}

// warm returns the file that the open-file cache has, pinned, unless it changed since it was verified.
func (d *Disk) warm(dg Digest) *handle {
	d.mu.Lock()
	e := d.entries[dg]
	if e == nil || e.open == nil {
		d.mu.Unlock()
		return nil
	}
	h := e.open
	h.refs++
	e.pins++
	d.lru.MoveToFront(h.elem)
	d.mu.Unlock()

	if now, err := stampOf(h.file); err == nil && now == h.stamp {
		return h
	}
	d.mu.Lock()
	old := d.uncache(h)
	d.mu.Unlock()
	old.closeUnused()
	d.release(h)
	return nil
}

// load opens a blob's file, verifies it where that has to be done, and pins it. The caller is inside enter and leave.
func (d *Disk) load(ctx context.Context, dg Digest, e *entry) (*handle, error) {
	f, err := d.root.Open(blobName(dg))
	if err != nil {
		return nil, err
	}
	st, err := stampOf(f)
	if err == nil && !d.good(dg, st) {
		err = d.verify(ctx, dg, e, f, st)
	}
	if err != nil {
		f.Close() // before the file is removed, as some systems want it
		if errors.Is(err, ErrCorrupt) {
			err = d.discard(dg, err)
		}
		return nil, err
	}
	h := &handle{digest: dg, file: f, stamp: st, entry: e, refs: 1}
	d.mu.Lock()
	e.pins++
	d.remember(dg, st)
	old := d.cache(h)
	d.mu.Unlock()
	old.closeUnused()
	return h, nil
}

// discard removes a corrupt blob and returns why, as an error that says that it is gone. Pins do not hold it: they hold
// bytes that were promised, and these are others.
func (d *Disk) discard(dg Digest, why error) error {
	d.mu.Lock()
	delete(d.verified, dg)
	d.mu.Unlock()
	if err := d.unlink(dg); err != nil {
		return fmt.Errorf("%w; it cannot be removed: %w", why, err)
	}
	return fmt.Errorf("%w; removed: %w", why, fs.ErrNotExist)
}

// cache puts a file into the open-file cache, and returns one that had to go for it. The caller holds d.mu.
func (d *Disk) cache(h *handle) *handle {
	if d.o.OpenFiles < 0 {
		return nil
	}
	h.entry.open = h
	h.elem = d.lru.PushFront(h)
	h.refs++
	if d.lru.Len() > d.o.OpenFiles {
		return d.evict()
	}
	return nil
}

// evict takes the file that was not used for longest out of the cache. The caller holds d.mu.
func (d *Disk) evict() *handle { return d.uncache(d.lru.Back().Value.(*handle)) }

// uncache takes a file out of the cache, if it is there. The caller holds d.mu, and calls closeUnused on the result
// when it no longer does.
func (d *Disk) uncache(h *handle) *handle {
	if h.elem == nil {
		return nil
	}
	d.lru.Remove(h.elem)
	h.elem = nil
	h.entry.open = nil
	d.tidy(h.digest, h.entry)
	return d.unref(h)
}

// unref returns h if nobody uses it any more, for closeUnused. The caller holds d.mu.
func (d *Disk) unref(h *handle) *handle {
	h.refs--
	if h.refs > 0 {
		return nil
	}
	return h
}

// closeUnused closes a file that uncache or unref found unused; nil is none. It is called without Disk.mu, for closing
// the last descriptor of a removed file frees its bytes, which may take long.
func (h *handle) closeUnused() {
	if h != nil {
		h.file.Close() // it was only read: there is nothing to lose
	}
}

// release ends one reader's use of a file, and its pin.
func (d *Disk) release(h *handle) {
	d.mu.Lock()
	h.entry.pins--
	d.tidy(h.digest, h.entry)
	old := d.unref(h)
	d.mu.Unlock()
	old.closeUnused()
}

// file is a File of a Disk.
type file struct {
	d      *Disk
	h      *handle
	closed atomic.Bool
}

func (f *file) Size() int64 { return f.h.stamp.size }

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if f.closed.Load() {
		return 0, fs.ErrClosed
	}
	return f.h.file.ReadAt(p, off)
}

// OS returns the descriptor, for sendfile. It is shared with other readers, who do not expect its offset to be
// anything, nor to move for them alone: use positional reads, or a sendfile that is told the offset. It is valid until
// Close, and must be neither closed nor written to.
func (f *file) OS() *os.File { return f.h.file }

func (f *file) Close() error {
	if f.closed.Swap(true) {
		return fs.ErrClosed
	}
	f.d.release(f.h)
	return nil
}
