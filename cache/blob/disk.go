package blob

import (
	"container/list"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
)

const (
	blobsDir = "blobs" // blobs/ab/<64 hexadecimal digits>, ab being the first two of them
	spoolDir = "spool" // spool/<random>; whatever is here at the start belongs to nobody
)

// DiskOptions are the limits of a Disk. The zero value is ready for use.
type DiskOptions struct {
	// OpenFiles is how many verified files are kept open for the next reader. 0: 512; negative: none.
	OpenFiles int
	// MinFree is how many bytes of the file system spools leave to others. 0: 64 MiB; negative: none.
	MinFree int64
	// MaxSize is how many bytes blobs, spools and reservations may take together. 0: no limit.
	MaxSize int64
	// OnFull is told how many bytes were refused, so that somebody can collect. It must not block. It may be nil.
	OnFull func(need int64)
}

// withDefaults fills in what is not set. 512 open files are well below the usual limit of 1024 descriptors, of which
// connections need the rest; 64 MiB let the index and its journal go on when blobs no longer can.
func (o DiskOptions) withDefaults() DiskOptions {
	if o.OpenFiles == 0 {
		o.OpenFiles = 512
	}
	if o.MinFree == 0 {
		o.MinFree = 64 << 20
	}
	return o
}

// Disk is a Store in a directory, which no other process may use at the same time. Call Close at the end.
//
// A blob is verified against its name when it is first opened in the life of the process, and again when its size,
// modification time or inode are no longer what they were. What the process itself wrote, it hashed while writing.
type Disk struct {
	dir   string
	root  *os.Root
	o     DiskOptions
	space *space

	mu       sync.Mutex // guards what follows; never held during I/O
	entries  map[Digest]*entry
	verified map[Digest]stamp // what a blob looked like when its bytes were known to be right
	lru      list.List        // of *handle, the most recently used first

	measure  sync.Once
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	counting sync.WaitGroup
}

// Open opens the store in dir, which is made if it is absent. Spools that an earlier process left are removed.
func Open(dir string, o DiskOptions) (*Disk, error) {
	if err := mkdirAll(filepath.Clean(dir)); err != nil {
		return nil, fmt.Errorf("blob store %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	if err := prepare(root); err != nil {
		return nil, errors.Join(fmt.Errorf("blob store %s: %w", dir, err), root.Close())
	}
	d := &Disk{
		dir: dir, root: root, o: o.withDefaults(),
		entries: make(map[Digest]*entry), verified: make(map[Digest]stamp),
	}
	d.space = &space{o: d.o, free: func() (int64, error) { return freeSpace(dir) }}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d, nil
}

// prepare makes the directories that are missing, all at once, so that a commit only ever has to name a file in one that
// exists, and empties the spool. The directories are synced even if none was missing: who made them may have been killed
// before it came to that.
func prepare(root *os.Root) error {
	names := []string{spoolDir, blobsDir}
	for i := range 256 {
		names = append(names, shardDir(byte(i)))
	}
	for _, name := range names {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := errors.Join(syncDir(root, blobsDir), syncDir(root, ".")); err != nil {
		return err
	}
	left, err := fs.ReadDir(root.FS(), spoolDir)
	for _, e := range left {
		err = errors.Join(err, root.RemoveAll(spoolDir+"/"+e.Name()))
	}
	return err
}

// mkdirAll is os.MkdirAll, durably: the name of each directory it makes is on the disk when it returns.
func mkdirAll(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := mkdirAll(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(root, "."), root.Close())
}

func shardDir(b byte) string { return blobsDir + "/" + hex.EncodeToString([]byte{b}) }

func blobName(d Digest) string { return shardDir(d[0]) + "/" + d.String() }

// Close ends background work and closes the files kept open. Files that readers still hold work until they close them.
func (d *Disk) Close() error {
	d.cancel()
	d.counting.Wait()
	d.mu.Lock()
	var old []*handle
	for d.lru.Len() > 0 {
		old = append(old, d.evict())
	}
	d.mu.Unlock()
	for _, h := range old {
		h.closeUnused()
	}
	return d.root.Close()
}

// Put implements Store. A reader that gives more or less than size bytes is ErrCorrupt as well.
func (d *Disk) Put(ctx context.Context, want Digest, size int64, r io.Reader) (*Pin, error) {
	s, err := d.spool(ctx, SpoolOptions{Size: size})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	n, err := io.Copy(s, io.LimitReader(contextReader{ctx, r}, size+1))
	if err != nil {
		return nil, err
	}
	if n != size {
		return nil, fmt.Errorf("blob %s: %w: not the %d bytes that were promised", want, ErrCorrupt, size)
	}
	return s.commitAs(ctx, want)
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Remove implements Store.
func (d *Disk) Remove(ctx context.Context, dg Digest) error {
	e, err := d.enter(ctx, dg)
	if err != nil {
		return err
	}
	defer d.leave(dg, e)

	d.mu.Lock()
	if e.pins > 0 {
		d.mu.Unlock()
		return fmt.Errorf("blob %s: %w", dg, ErrPinned)
	}
	h := d.forget(dg, e)
	d.mu.Unlock()
	h.closeUnused()
	return d.unlink(dg)
}

// unlink takes the name from a blob, then frees its bytes. The caller is inside enter and leave. The name goes by a
// rename, which takes the same short time for a file of any size; what a crash leaves of it is a spool's leftover.
func (d *Disk) unlink(dg Digest) error {
	have, err := d.stored(dg)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	aside := spoolName()
	err = d.space.change(dg, -have.size, func() error { return d.root.Rename(blobName(dg), aside) })
	if err != nil {
		return fmt.Errorf("blob %s: %w", dg, err)
	}
	return d.root.Remove(aside)
}

// All implements Store. It lists what the directory holds when it comes by: blobs that are stored or removed meanwhile
// may be listed or not.
func (d *Disk) All(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for i := range 256 {
			if !d.shard(ctx, byte(i), yield) {
				return
			}
		}
	}
}

// shard lists one directory of blobs, and reports whether to go on.
func (d *Disk) shard(ctx context.Context, b byte, yield func(Info, error) bool) bool {
	dir, err := d.root.OpenRoot(shardDir(b))
	if err != nil {
		return yield(Info{}, err) && false
	}
	defer dir.Close()
	f, err := dir.Open(".")
	if err != nil {
		return yield(Info{}, err) && false
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(1024) // in portions: a directory may hold more than memory should
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return yield(Info{}, err) && false
			}
			dg, err := ParseDigest(name)
			if err != nil || dg[0] != b || dg.String() != name {
				continue // not ours
			}
			fi, err := dir.Lstat(name)
			if err != nil {
				continue // removed meanwhile
			}
			if !yield(Info{Digest: dg, Size: fi.Size(), Modified: fi.ModTime()}, nil) {
				return false
			}
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			return yield(Info{}, err) && false
		}
	}
}
