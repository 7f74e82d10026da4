package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ErrStalled reports a body of which no byte came for StallTimeout.
var ErrStalled = errors.New("no byte came in time")

// body is a response's body. It ends the request's turn, and its context, at its end; and it does not wait for a
// silent peer. The time that its reader takes between two reads does not count.
type body struct {
	c      *Connection
	r      io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	leave  func()
	stall  *time.Timer
	once   sync.Once
}

func (c *Connection) newBody(ctx context.Context, cancel context.CancelCauseFunc, leave func(), r io.ReadCloser) *body {
	b := &body{c: c, r: r, ctx: ctx, cancel: cancel, leave: leave}
	b.stall = time.AfterFunc(c.o.StallTimeout, func() {
		cancel(fmt.Errorf("%w (%v)", ErrStalled, c.o.StallTimeout))
	})
	b.stall.Stop()
	return b
}

func (b *body) Read(p []byte) (int, error) {
	b.stall.Reset(b.c.o.StallTimeout)
	n, err := b.r.Read(p)
	b.stall.Stop()
	b.c.counts.bytes.Add(uint64(n))
	if err != nil {
		if cause := context.Cause(b.ctx); err != io.EOF && cause != nil {
			err = cause
		}
		b.end()
	}
	return n, err
}

// Close lets go of the connection; an h1 connection whose body was not read to its end is not used again.
func (b *body) Close() error {
	err := b.r.Close()
	b.end()
	return err
}

func (b *body) end() {
	b.once.Do(func() {
		b.stall.Stop()
		b.cancel(nil)
		b.leave()
	})
}
