package cache

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// stall is how long a registry may send nothing in the middle of a body before it counts as down. Slow is fine: a
// body that trickles is only bounded by the budget of its refresh or fill.
const stall = time.Minute

var errStalled = errors.New("the registry has stopped sending")

// watched returns a body that is closed, and whose Read returns errStalled, when a Read takes that long. What passes
// between the reads is the reader's own time and does not count.
func watched(body io.ReadCloser, patience time.Duration) io.ReadCloser {
	w := &watchedBody{ReadCloser: body, patience: patience}
	w.timer = time.AfterFunc(patience, func() {
		w.stalled.Store(true)
		w.ReadCloser.Close() // ends the Read, as the bodies of net/http do
	})
	w.timer.Stop()
	return w
}

type watchedBody struct {
	io.ReadCloser
	timer    *time.Timer
	patience time.Duration
	stalled  atomic.Bool
}

func (w *watchedBody) Read(p []byte) (int, error) {
	w.timer.Reset(w.patience)
	n, err := w.ReadCloser.Read(p)
	w.timer.Stop()
	if err != nil && w.stalled.Load() {
		err = errStalled
	}
	return n, err
}
