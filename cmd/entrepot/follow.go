package main

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"

	"entrepot/proxy/forward"
)

// follower serves requests through the process that owns the data directory, until it has taken the directory over
// itself.
type follower struct {
	own   atomic.Pointer[http.Handler] // nil while another process owns the directory
	taken chan struct{}                // closed when own is set
	dir   string
	proxy *httputil.ReverseProxy
}

// takeover is how long a request waits for somebody to own the data directory when its owner is gone.
const takeover = 10 * time.Second

func newFollower(dir string) *follower {
	f := &follower{taken: make(chan struct{}), dir: dir}
	f.proxy = &httputil.ReverseProxy{
		Transport:     toOwner(dir),
		FlushInterval: -1, // a fill is passed on as it grows
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "owner"})
			r.Out.Host = r.In.Host
			r.Out.Header.Set(clientHeader, r.In.RemoteAddr)
			r.Out.Header.Del(schemeHeader)
			r.Out.Header.Del(targetHeader)
			r.Out.Header.Del(learnHeader)
			if v := forward.VisitOf(r.In.Context()); v != nil {
				r.Out.Header.Set(targetHeader, v.To.Origin())
				if v.Learn {
					r.Out.Header.Set(learnHeader, "1")
				}
			}
			if r.In.TLS != nil {
				r.Out.Header.Set(schemeHeader, "https")
			}
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				r.Out.Header[name] = r.In.Header[name] // ReverseProxy takes them away; the owner decides whom to believe
			}
		},
		ErrorHandler: f.ownerGone,
	}
	return f
}

// take lets the follower answer by itself from now on.
func (f *follower) take(h http.Handler) {
	f.own.Store(&h)
	close(f.taken)
}

// ServeHTTP implements http.Handler.
func (f *follower) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.own.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodConnect || r.URL.IsAbs() {
		throughOwner(f.dir, w, r)
		return
	}
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), received{}, r)))
}

// received is the context's key of the request as the client sent it.
type received struct{}

// ownerGone answers a request that did not reach the owner: it waits until this process, or another, is the new one.
// out is what would have been passed on.
func (f *follower) ownerGone(w http.ResponseWriter, out *http.Request, _ error) {
	r := out.Context().Value(received{}).(*http.Request)
	if r.Body != nil && r.Body != http.NoBody {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the process that owns the data directory is gone; try again", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), takeover)
	defer cancel()
	select {
	case <-f.taken:
		(*f.own.Load()).ServeHTTP(w, r)
	case <-time.After(2 * lockInterval):
		f.ServeHTTP(w, r.WithContext(ctx))
	case <-ctx.Done():
		w.Header().Set("Retry-After", "1")
		http.Error(w, "nobody owns the data directory", http.StatusServiceUnavailable)
	}
}
