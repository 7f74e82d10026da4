package registry

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxLog bounds the requests that are remembered one by one. Counters go on beyond it.
const maxLog = 1 << 16

// Record is one request that reached the registry.
type Record struct {
	Method string
	Host   string // the Host header: which listener the client meant
	Path   string // as sent, escaped
	Query  string // without "?"
	Header http.Header
	Status int           // of the answer; 0: there was none, or not yet
	Bytes  int64         // of the answer's body
	Took   time.Duration // until the answer was written
}

type recorder struct {
	mu      sync.Mutex
	log     []*Record
	counts  map[[2]string]int // method and path to requests
	running int
	peak    int
}

// begin remembers a request, and returns the writer that notes its answer.
func (r *recorder) begin(w http.ResponseWriter, req *http.Request) *recordingWriter {
	rec := &Record{
		Method: req.Method, Host: req.Host, Path: req.URL.EscapedPath(), Query: req.URL.RawQuery,
		Header: req.Header.Clone(),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.log) == maxLog {
		r.log = slices.Delete(r.log, 0, maxLog/2)
	}
	r.log = append(r.log, rec)
	if r.counts == nil {
		r.counts = make(map[[2]string]int)
	}
	r.counts[[2]string{rec.Method, rec.Path}]++
	r.running++
	r.peak = max(r.peak, r.running)
	return &recordingWriter{ResponseWriter: w, rec: rec, started: time.Now()}
}

func (r *recorder) end(w *recordingWriter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.rec.Status, w.rec.Bytes, w.rec.Took = w.status, w.bytes, time.Since(w.started)
	r.running--
}

// Requests is the number of requests that fit a pattern ("/npm/left-pad", "*.tgz", "POST *"), those that a fault or a
// missing credential answered included.
func (r *Registry) Requests(pattern string) int {
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	n := 0
	for k, c := range r.record.counts {
		if matches(pattern, k[0], k[1]) {
			n += c
		}
	}
	return n
}

// Log returns the requests in the order in which they came, the newest 32768 at least.
func (r *Registry) Log() []Record {
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	l := make([]Record, len(r.record.log))
	for i, rec := range r.record.log {
		l[i] = *rec
	}
	return l
}

// Peak is the largest number of requests that were in flight at once.
func (r *Registry) Peak() int {
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	return r.record.peak
}

// Forget forgets all requests, as if none had come.
func (r *Registry) Forget() {
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	r.record.log, r.record.counts, r.record.peak = nil, nil, r.record.running
}

// Authorizations returns the different Authorization headers that reached a host, in order of appearance.
func (r *Registry) Authorizations(host string) []string {
	var l []string
	for _, rec := range r.Log() {
		for _, a := range rec.Header.Values("Authorization") {
			if rec.Host == host && !slices.Contains(l, a) {
				l = append(l, a)
			}
		}
	}
	return l
}

// recordingWriter notes what was answered.
type recordingWriter struct {
	http.ResponseWriter
	rec     *Record
	started time.Time
	status  int
	bytes   int64
}

func (w *recordingWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recordingWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *recordingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
