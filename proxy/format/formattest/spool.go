package formattest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"entrepot/cache/blob"
)

// Spool is a blob.Spool in memory.
type Spool struct {
	mu     sync.Mutex
	b      []byte
	closed bool
}

var _ blob.Spool = (*Spool)(nil)

// Write appends to the spool.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errors.New("spool is closed")
	}
	s.b = append(s.b, p...)
	return len(p), nil
}

// ReadAt reads what is written.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(s.Bytes()).ReadAt(p, off)
}

// Size is the number of bytes written so far.
func (s *Spool) Size() int64 { return int64(len(s.Bytes())) }

// Bytes returns what is written.
func (s *Spool) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b
}

// Commit names the bytes if check accepts them.
func (s *Spool) Commit(_ context.Context, check func(io.ReaderAt, int64) error) (*blob.Pin, error) {
	if check != nil {
		if err := check(s, s.Size()); err != nil {
			return nil, err
		}
	}
	return blob.NewPin(blob.Sum(s.Bytes()), s.Size(), nil), nil
}

// Close marks the spool as closed.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Closed reports whether Close was called.
func (s *Spool) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
