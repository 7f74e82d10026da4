package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"entrepot/proxy"
	"entrepot/proxy/forward"
	"entrepot/proxy/lane"
)

// neverWarm is the lane of a proxy that looks at each request: a tally misses none.
type neverWarm struct{}

// Answer implements lane.Answerer.
func (neverWarm) Answer(*lane.Request) *lane.Answer { return nil }

// Done implements lane.Answerer.
func (neverWarm) Done(*lane.Request, *lane.Answer, int, int64, time.Duration) {}

// tally counts what a command fetched.
type tally struct {
	mu    sync.Mutex
	files map[subject]*fetched
}

// subject is one file of a version, or a refused version without one.
type subject struct{ format, namespace, name, version, asset, connection string }

// fetched is what is known of a file.
type fetched struct {
	subject
	url    string
	digest [sha256.Size]byte
	size   int64
	took   time.Duration
	cached bool
	rule   string // that refused it; empty: it was allowed
}

func newTally() *tally { return &tally{files: map[subject]*fetched{}} }

// watch counts what a handler of opened requests answers.
func (t *tally) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visit := *forward.VisitOf(r.Context())
		visit.Traced = true
		seen := &witness{ResponseWriter: w, sum: sha256.New(), began: time.Now()}
		defer func() { t.add(seen, r, &visit) }() // also when the connection is broken off
		next.ServeHTTP(seen, forward.With(r, &visit))
	})
}

func (t *tally) add(w *witness, r *http.Request, visit *forward.Visit) {
	q, err := url.ParseQuery(w.subject)
	if err != nil || w.subject == "" {
		return
	}
	s := subject{q.Get("format"), q.Get("namespace"), q.Get("name"), q.Get("version"), q.Get("asset"), q.Get("connection")}
	whole := w.status == http.StatusOK && r.Method == http.MethodGet && s.asset != ""
	if !whole && w.rule == "" {
		return
	}
	f := &fetched{subject: s, url: visit.To.Origin() + r.URL.EscapedPath(), size: w.size, took: time.Since(w.began), cached: w.cached, rule: w.rule}
	w.sum.Sum(f.digest[:0])
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.files[s] == nil {
		t.files[s] = f
	}
}

// list returns what was fetched, in an order that does not change from run to run.
func (t *tally) list() []*fetched {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*fetched
	for _, f := range t.files {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *fetched) int {
		return cmp.Or(cmp.Compare(a.purl(), b.purl()), cmp.Compare(a.asset, b.asset), cmp.Compare(a.connection, b.connection))
	})
	return out
}

// String is the one line at the end.
func (t *tally) String() string {
	packages, cached, refused := map[string]bool{}, map[string]bool{}, 0
	var saved, missed int64
	var waited time.Duration
	for _, f := range t.list() {
		if f.rule != "" {
			refused++
			continue
		}
		p := f.purl()
		if _, known := cached[p]; !known {
			cached[p] = true
		}
		packages[p], cached[p] = true, cached[p] && f.cached
		if f.cached {
			saved += f.size
		} else {
			missed += f.size
			waited += f.took
		}
	}
	hits := 0
	for _, c := range cached {
		if c {
			hits++
		}
	}
	line := fmt.Sprintf("%s, %d from the cache, %s not fetched again", count(len(packages), "package"), hits, megabytes(saved))
	if saved > 0 && missed > 0 { // at the rate of what was fetched
		line += fmt.Sprintf(" (about %s of waiting)", (time.Duration(float64(waited) / float64(missed) * float64(saved))).Round(100*time.Millisecond))
	}
	return line + fmt.Sprintf(", %d refused", refused)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// witness sees a response go by.
type witness struct {
	http.ResponseWriter
	began         time.Time
	status        int
	size          int64
	sum           hash.Hash
	subject, rule string
	cached        bool
}

// WriteHeader implements http.ResponseWriter.
func (w *witness) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		h := w.Header()
		w.subject, w.rule = h.Get(proxy.SubjectHeader), h.Get("X-Entrepot-Rule")
		w.cached = h.Get("X-Cache") != "miss"
		h.Del(proxy.SubjectHeader)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *witness) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.sum.Write(b[:n])
	w.size += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }
