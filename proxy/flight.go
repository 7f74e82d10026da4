package proxy

import (
	"context"

	"golang.org/x/sync/singleflight"
)

// flights lets several requests wait for one piece of work. The work has a life of its own: it does not end when the
// client that started it leaves, since others may wait for it.
type flights struct{ group singleflight.Group }

func (f *flights) do(ctx context.Context, key string, work func(context.Context) (any, error)) (any, error) {
	done := f.group.DoChan(key, func() (any, error) { return work(context.WithoutCancel(ctx)) })
	select {
	case r := <-done:
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
