package cache

import (
	"context"
	"errors"
	"io"
	"time"
)

// stall is how long a registry may send nothing in the middle of a body before it counts as down. Slow is fine: a
// body that trickles is only bounded by the budget of its refresh or fill.
const stall = time.Minute

var errStalled = errors.New("the registry has stopped sending")

// watched returns a body whose context is cancelled, with errStalled, when a Read of it takes that long. What passes
// between the reads is the reader's own time and does not count.
func watched(body io.ReadCloser, cancel context.CancelCauseFunc, patience time.Duration) io.ReadCloser {
	timer := time.AfterFunc(patience, func() { cancel(errStalled) })
	timer.Stop()
	return &watchedBody{body, timer, patience}
}

type watchedBody struct {
	io.ReadCloser
	timer    *time.Timer
	patience time.Duration
}

func (w *watchedBody) Read(p []byte) (int, error) {
	w.timer.Reset(w.patience)
	defer w.timer.Stop()
	return w.ReadCloser.Read(p)
}
