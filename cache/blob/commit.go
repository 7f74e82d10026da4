package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Commit implements Spool. What happens on Linux when a durable commit goes well, from the first Write on:
//
//	openat(spool, "RANDOM", O_RDWR|O_CREAT|O_EXCL, 0600) = 7
//	write(7, …)                                            hashed as it goes
//	fsync(7)                                               the bytes are on the disk
//	openat(blobs/ab, "ab12…")                              is it there already? ENOENT
//	renameat(spool, "RANDOM", blobs/ab, "ab12…")           the name is there, whole, for everybody
//	fstat(7)                                               what it has to look like from now on
//	openat(blobs, "ab") = 8, fsync(8), close(8)            the name is on the disk
//
// (An os.Root opens and closes the directories on the way each time, which is left out here.)
//
// The two fsyncs are left out where durability was not asked for: a fetched blob that a power cut took, or tore, fails
// its first verification and is fetched again. The directory blobs/ab and its own name were made durable when the store
// was opened. A crash before the rename leaves a file in spool/, which the next start removes.
//
// Bytes that are stored already are not stored twice. The older copy stays if it is known to be right, else it is
// replaced; and a durable commit replaces it always, because nothing tells that the older copy reached the disk.
func (s *spool) Commit(ctx context.Context, check func(io.ReaderAt, int64) error) (*Pin, error) {
	return s.commit(ctx, func(Digest) error {
		if check == nil {
			return nil
		}
		return check(s, s.Size())
	})
}

// commitAs is Commit for bytes whose digest must be want.
func (s *spool) commitAs(ctx context.Context, want Digest) (*Pin, error) {
	return s.commit(ctx, func(got Digest) error {
		if got != want {
			return fmt.Errorf("blob %s: %w: they are %s", want, ErrCorrupt, got)
		}
		return nil
	})
}

func (s *spool) commit(ctx context.Context, check func(Digest) error) (*Pin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil, fmt.Errorf("spool: %w", fs.ErrClosed)
	}
	if s.err != nil {
		return nil, s.err
	}
	dg := Digest(s.hash.Sum(nil))
	if err := check(dg); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.durable {
		if err := s.file.Sync(); err != nil {
			// What an fsync could not write may be gone from memory too: another one proves nothing.
			s.err = fmt.Errorf("spool: %w", full(err))
			return nil, s.err
		}
	}
	pin, err := s.publish(ctx, dg)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", dg, full(err))
	}
	if s.durable {
		if err := syncDir(s.d.root, shardDir(dg[0])); err != nil {
			pin.Release()
			return nil, fmt.Errorf("blob %s: %w", dg, full(err))
		}
	}
	return pin, nil
}

// publish gives the spool its name, or drops it for a copy that is as good, and pins the digest.
func (s *spool) publish(ctx context.Context, dg Digest) (*Pin, error) {
	d := s.d
	e, err := d.enter(ctx, dg)
	if err != nil {
		return nil, err
	}
	defer d.leave(dg, e)

	have, err := d.stored(dg)
	switch {
	case err == nil && !s.durable && d.good(dg, have):
		if err := d.root.Remove(s.name); err != nil {
			return nil, err
		}
	case err == nil || errors.Is(err, fs.ErrNotExist):
		if err := s.rename(dg, e, have.size); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	size := s.Size()
	s.settle()
	return d.pin(dg, e, size), nil
}

// rename puts the spool in the place of a copy of so many bytes.
func (s *spool) rename(dg Digest, e *entry, old int64) error {
	d := s.d
	err := d.space.change(dg, s.Size()-old, func() error { return d.root.Rename(s.name, blobName(dg)) })
	if err != nil {
		return err
	}
	st, err := stampOf(s.file)
	d.mu.Lock()
	h := d.forget(dg, e)
	if err == nil {
		d.remember(dg, st)
	}
	d.mu.Unlock()
	h.closeUnused()
	return nil
}
