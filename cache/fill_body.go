package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"entrepot/upstream/connection"
)

// resumes is how often one body is continued. Each waits twice as long as the one before, from resumePause on: about 8 s in
// all, for a registry that restarts. Connections retry on their own what happens before a response.
const (
	resumes     = 5
	resumePause = 250 * time.Millisecond
)

// fillBody reads a registry's body to its promised end, continuing it where it breaks off.
type fillBody struct {
	ctx    context.Context // of the fill
	src    *FillSource
	stall  time.Duration
	off    int64
	tries  int
	broken error // what the last Read returned

	rc io.ReadCloser // nil: broken off
}

func newFillBody(ctx context.Context, src *FillSource, stall time.Duration) *fillBody {
	return &fillBody{ctx: ctx, src: src, stall: stall, rc: watched(src.Body, stall)}
}

func (b *fillBody) Read(p []byte) (int, error) {
	for {
		if b.broken != nil {
			if b.broken == io.EOF {
				return 0, io.EOF
			}
			if err := b.resume(); err != nil {
				return 0, err
			}
		}
		n, err := b.rc.Read(p)
		b.off += int64(n)
		if b.src.Size >= 0 && b.off > b.src.Size {
			return 0, fmt.Errorf("more than the %d bytes that were announced", b.src.Size)
		}
		if err == io.EOF && b.src.Size >= 0 && b.off < b.src.Size {
			err = io.ErrUnexpectedEOF
		}
		b.broken = err
		if n > 0 {
			return n, nil
		}
	}
}

// resume continues a body that broke off, as often as it may.
func (b *fillBody) resume() error {
	b.Close()
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	if b.src.Resume == nil || b.tries >= resumes {
		return fmt.Errorf("the body breaks off after %d of %d bytes: %w", b.off, b.src.Size, b.broken)
	}
	select {
	case <-time.After(resumePause << b.tries):
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
	b.tries++
	rc, err := b.src.Resume(b.ctx, b.off)
	if errors.Is(err, connection.ErrChanged) { // asking again would not change it
		b.tries = resumes
	}
	if err != nil {
		b.broken = errors.Join(b.broken, err)
		return b.resume()
	}
	b.rc, b.broken = watched(rc, b.stall), nil
	return nil
}

// Close ends the body, if it has not broken off.
func (b *fillBody) Close() {
	if b.rc != nil {
		b.rc.Close()
		b.rc = nil
	}
}
