package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// spool is a Spool of a Disk: a file without a name of its own until Commit.
type spool struct {
	d       *Disk
	name    string
	file    *os.File
	durable bool
	size    atomic.Int64 // bytes written

	mu       sync.Mutex // guards what follows
	hash     hash.Hash  // of the bytes written
	reserved int64      // bytes promised and not written yet
	done     bool       // the spool's own name is gone: committed or closed
	closed   bool
	err      error // what ended writing
}

func spoolName() string { return spoolDir + "/" + rand.Text() }

// Spool implements Store. The error is ErrFull if there is no room for o.Size bytes.
func (d *Disk) Spool(ctx context.Context, o SpoolOptions) (Spool, error) {
	s, err := d.spool(ctx, o)
	if err != nil {
		return nil, err // not s: a nil *spool is no nil Spool
	}
	return s, nil
}

func (d *Disk) spool(ctx context.Context, o SpoolOptions) (*spool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.o.MaxSize > 0 {
		d.startCounting()
	}
	s := &spool{d: d, name: spoolName(), durable: o.Durable, hash: sha256.New(), reserved: max(o.Size, 0)}
	if s.reserved > 0 {
		if err := d.space.reserve(s.reserved); err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
	}
	f, err := d.root.OpenFile(s.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		d.space.add(0, -s.reserved)
		return nil, fmt.Errorf("spool: %w", full(err))
	}
	s.file = f
	return s, nil
}

// full gives a system's errors about a full disk our name.
func full(err error) error {
	if err != nil && noSpace(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

func (s *spool) Size() int64 { return s.size.Load() }

// Write hashes the bytes on their way, so that nothing has to read them again. After an error there is only that
// error: the hash and the file are no longer known to agree.
func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return 0, fs.ErrClosed
	}
	if s.err == nil {
		s.err = s.room(int64(len(p)))
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.file.Write(p)
	s.hash.Write(p[:n])
	s.reserved -= int64(n)
	s.d.space.add(int64(n), -int64(n))
	s.size.Add(int64(n))
	if err != nil {
		s.err = fmt.Errorf("spool: %w", full(err))
	}
	return n, s.err
}

// room sees to it that n bytes are reserved.
func (s *spool) room(n int64) error {
	if n <= s.reserved {
		return nil
	}
	more := max(n-s.reserved, reserveStep)
	if err := s.d.space.reserve(more); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.reserved += more
	return nil
}

// ReadAt reads what is written; at its end it returns io.EOF, though there may be more later.
func (s *spool) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

// Close implements Spool. It may be called more than once.
func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.file.Close()
	if !s.done {
		err = errors.Join(err, s.d.root.Remove(s.name))
		s.settle()
	}
	return err
}

// settle takes the spool out of the account of spools. The caller holds s.mu.
func (s *spool) settle() {
	s.done = true
	s.d.space.add(-s.size.Load(), -s.reserved)
	s.reserved = 0
}
