// Package blobtest has what tests of and with blob stores need: Test, the contract that every blob.Store passes, and
// Fake, the smallest store that passes it.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"sync"
	"time"

	"entrepot/cache/blob"
)

// Fake returns a store in memory, without limits.
func Fake() blob.Store {
	return &fake{blobs: make(map[blob.Digest]stored), pins: make(map[blob.Digest]int)}
}

type stored struct {
	bytes    []byte
	modified time.Time
}

type fake struct {
	mu    sync.Mutex
	blobs map[blob.Digest]stored
	pins  map[blob.Digest]int
}

// pin is called with f.mu held.
func (f *fake) pin(d blob.Digest, size int64) *blob.Pin {
	f.pins[d]++
	return blob.NewPin(d, size, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.pins[d]--; f.pins[d] == 0 {
			delete(f.pins, d)
		}
	})
}

func (f *fake) Open(ctx context.Context, d blob.Digest) (blob.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.blobs[d]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", d, fs.ErrNotExist)
	}
	return &fakeFile{Reader: bytes.NewReader(b.bytes), pin: f.pin(d, int64(len(b.bytes)))}, nil
}

func (f *fake) Put(ctx context.Context, d blob.Digest, size int64, r io.Reader) (*blob.Pin, error) {
	b, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != size || blob.Sum(b) != d {
		return nil, fmt.Errorf("blob %s: %w", d, blob.ErrCorrupt)
	}
	return f.store(ctx, b)
}

func (f *fake) store(ctx context.Context, b []byte) (*blob.Pin, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d := blob.Digest(sha256.Sum256(b))
	f.blobs[d] = stored{bytes: b, modified: time.Now()}
	return f.pin(d, int64(len(b))), nil
}

func (f *fake) Spool(ctx context.Context, _ blob.SpoolOptions) (blob.Spool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &fakeSpool{f: f}, nil
}

func (f *fake) Remove(ctx context.Context, d blob.Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pins[d] > 0 {
		return fmt.Errorf("blob %s: %w", d, blob.ErrPinned)
	}
	delete(f.blobs, d)
	return nil
}

func (f *fake) All(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		f.mu.Lock()
		blobs := maps.Clone(f.blobs)
		f.mu.Unlock()
		for d, b := range blobs {
			if err := ctx.Err(); err != nil {
				yield(blob.Info{}, err)
				return
			}
			if !yield(blob.Info{Digest: d, Size: int64(len(b.bytes)), Modified: b.modified}, nil) {
				return
			}
		}
	}
}

// fakeFile's Reader gives it ReadAt and Size.
type fakeFile struct {
	*bytes.Reader
	pin *blob.Pin
}

func (f *fakeFile) Close() error {
	f.pin.Release()
	return nil
}

type fakeSpool struct {
	f *fake

	mu   sync.Mutex // guards the rest
	b    []byte
	done bool // committed
	gone bool // closed
}

func (s *fakeSpool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || s.gone {
		return 0, fs.ErrClosed
	}
	s.b = append(s.b, p...)
	return len(p), nil
}

func (s *fakeSpool) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0, fs.ErrClosed
	}
	return bytes.NewReader(s.b).ReadAt(p, off)
}

func (s *fakeSpool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.b))
}

func (s *fakeSpool) Commit(ctx context.Context, check func(io.ReaderAt, int64) error) (*blob.Pin, error) {
	s.mu.Lock()
	b, over := s.b, s.done || s.gone
	s.mu.Unlock()
	if over {
		return nil, fs.ErrClosed
	}
	if check != nil {
		if err := check(bytes.NewReader(b), int64(len(b))); err != nil {
			return nil, err
		}
	}
	pin, err := s.f.store(ctx, b)
	if err == nil {
		s.mu.Lock()
		s.done = true
		s.mu.Unlock()
	}
	return pin, err
}

func (s *fakeSpool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	return nil
}
