package registry

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is how the registry misbehaves. Zero fields do nothing; several can be combined.
type Fault struct {
	Times int // it applies to that many requests, then ends; 0: until it is cleared
	Skip  int // after that many requests that it lets pass

	Latency    time.Duration // before the first byte of the answer
	Drop       bool          // close the connection instead of an answer
	Status     int           // answer this, with a short text
	RetryAfter string        // Retry-After header beside Status
	HTML       bool          // answer 200 with a page, as captive portals do
	Redirect   string        // base URL of another host: 302 there, with the same path; not applied at that host itself

	Bandwidth int64 // bytes per second of the body
	Truncate  int64 // break the connection after so many bytes of the body; -1: after the headers
	Stall     int64 // stop sending after so many bytes, until the client goes or the fault is cleared; -1: after the headers
	Flip      int64 // invert the byte at this position of the body, counted from 1

	Unsized   bool // no Content-Length
	NoETag    bool // no validators in the answer, and those of the request are ignored
	BareGzip  bool // a gzip body without a Content-Encoding that says so
	NoRanges  bool // Range is ignored: 200 with everything
	StaleETag bool // changed content keeps an ETag of the registry's past: every If-None-Match is answered 304
}

type fault struct {
	Fault
	pattern string
	seen    int
	cleared chan struct{}
}

// Fault makes requests whose path fits the pattern misbehave; "" is all. The newest fault that fits applies. The
// function it returns ends it, and may be called more than once.
func (r *Registry) Fault(pattern string, f Fault) (clear func()) {
	n := &fault{Fault: f, pattern: pattern, cleared: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append([]*fault{n}, r.faults...)
	return func() { r.clear(func(c *fault) bool { return c == n }) }
}

// ClearFaults ends all faults.
func (r *Registry) ClearFaults() { r.clear(func(*fault) bool { return true }) }

func (r *Registry) clear(gone func(*fault) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kept []*fault
	for _, f := range r.faults {
		if gone(f) {
			close(f.cleared)
		} else {
			kept = append(kept, f)
		}
	}
	r.faults = kept
}

// faultFor returns the fault that applies to a request, or nil.
func (r *Registry) faultFor(req *http.Request) *fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults {
		if !matches(f.pattern, req.Method, req.URL.EscapedPath()) {
			continue
		}
		if f.Redirect != "" && strings.HasSuffix(f.Redirect, "://"+req.Host) {
			continue
		}
		if f.Times > 0 && f.seen >= f.Skip+f.Times {
			continue
		}
		f.seen++
		if f.seen <= f.Skip {
			continue
		}
		return f
	}
	return nil
}

// serve answers a request as the fault wants it; next is the right answer.
func (f *fault) serve(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	if !pause(r.Context(), f.Latency, f.cleared) {
		return
	}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect+r.URL.RequestURI(), http.StatusFound)
	case f.Status != 0:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		http.Error(w, "fault: "+strconv.Itoa(f.Status), f.Status)
	case f.HTML:
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<!doctype html><title>Welcome</title><p>Please sign in to this network."))
	case f.StaleETag && r.Header.Get("If-None-Match") != "":
		w.Header().Set("ETag", r.Header.Get("If-None-Match"))
		w.WriteHeader(http.StatusNotModified)
	default:
		f.spoil(w, r, next)
	}
}

// spoil answers with next's response, its headers and body changed.
func (f *fault) spoil(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	r = r.Clone(r.Context())
	if f.NoETag {
		r.Header.Del("If-None-Match")
		r.Header.Del("If-Modified-Since")
		r.Header.Del("If-Range")
	}
	if f.NoRanges || f.BareGzip {
		r.Header.Del("Range")
	}
	s := newSpoiler(r.Context(), w, f)
	next(s, r)
	s.close()
}

// pause waits, and reports whether the client is still there. A cleared fault waits no longer.
func pause(ctx context.Context, d time.Duration, cleared <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-cleared:
	case <-ctx.Done():
		return false
	}
	return true
}
