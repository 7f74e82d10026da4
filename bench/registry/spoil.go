package registry

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"time"
)

// slice is the time between two pieces of a body whose bandwidth is limited: short enough to look like a slow line,
// long enough for timers to be true.
const slice = 10 * time.Millisecond

// spoiler is a ResponseWriter that changes an answer on its way out.
type spoiler struct {
	http.ResponseWriter
	ctx   context.Context
	f     *fault
	body  io.Writer // where the body goes: s.spoil, or the gzip writer before it
	zip   *gzip.Writer
	begun bool
	sent  int64     // bytes of the body
	due   time.Time // when the next piece may go
}

func newSpoiler(ctx context.Context, w http.ResponseWriter, f *fault) *spoiler {
	s := &spoiler{ResponseWriter: w, ctx: ctx, f: f}
	s.body = writerFunc(s.send)
	return s
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (s *spoiler) WriteHeader(status int) {
	if s.begun {
		return
	}
	s.begun = true
	h := s.Header()
	if s.f.NoETag {
		h.Del("ETag")
		h.Del("Last-Modified")
	}
	if s.f.NoRanges {
		h.Del("Accept-Ranges")
	}
	if s.f.BareGzip && status == http.StatusOK {
		h.Del("Content-Encoding")
		h.Del("Content-Length")
		s.zip = gzip.NewWriter(s.body)
		s.body = s.zip
	}
	if s.f.Unsized {
		h.Del("Content-Length")
	}
	s.ResponseWriter.WriteHeader(status)
	s.flush() // also keeps net/http from working out a Content-Length
	if s.f.Truncate < 0 {
		panic(http.ErrAbortHandler)
	}
	if s.f.Stall < 0 {
		s.stall()
	}
}

func (s *spoiler) Write(p []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return s.body.Write(p)
}

func (s *spoiler) close() {
	if s.zip != nil {
		s.zip.Close()
	}
}

func (s *spoiler) flush() {
	// A writer that cannot flush (a HEAD through a recorder) has nothing to lose.
	_ = http.NewResponseController(s.ResponseWriter).Flush()
}

// send sends p in pieces that end where the fault does something.
func (s *spoiler) send(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		n := s.piece(int64(len(p)))
		b := p[:n]
		if at := s.f.Flip - 1 - s.sent; at >= 0 && at < n {
			b = append([]byte(nil), b...)
			b[at] ^= 0xff
		}
		if err := s.wait(n); err != nil {
			return total, err
		}
		w, err := s.ResponseWriter.Write(b)
		s.sent += int64(w)
		total += w
		if err != nil {
			return total, err
		}
		p = p[n:]
		switch s.sent {
		case s.f.Truncate:
			s.flush()
			panic(http.ErrAbortHandler)
		case s.f.Stall:
			s.stall()
		}
	}
	return total, nil
}

// piece is how many of n bytes go next.
func (s *spoiler) piece(n int64) int64 {
	for _, end := range []int64{s.f.Truncate, s.f.Stall} {
		if end > s.sent {
			n = min(n, end-s.sent)
		}
	}
	if s.f.Bandwidth > 0 {
		n = min(n, max(1, s.f.Bandwidth*int64(slice)/int64(time.Second)))
	}
	return n
}

// wait waits until a limited line has room for n bytes more.
func (s *spoiler) wait(n int64) error {
	if s.f.Bandwidth <= 0 {
		return nil
	}
	now := time.Now()
	if s.due.IsZero() {
		s.due = now
	}
	s.due = s.due.Add(time.Duration(n) * time.Second / time.Duration(s.f.Bandwidth))
	s.flush()
	if !pause(s.ctx, s.due.Sub(now), s.f.cleared) {
		return s.ctx.Err()
	}
	return nil
}

// stall stops until the client goes or the fault is cleared.
func (s *spoiler) stall() {
	s.flush()
	select {
	case <-s.f.cleared:
	case <-s.ctx.Done():
		panic(http.ErrAbortHandler)
	}
}
