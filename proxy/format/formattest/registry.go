package formattest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// Answer is what a registry says to one request.
type Answer struct {
	Status int         // 0: 200
	Header http.Header // may be nil
	Body   string
	Err    error // instead of an answer: the registry is out of reach
	Stale  bool  // Get says so
}

// Registry is a registry made of canned answers: a format.Getter. What it has no answer for is absent. It is safe for
// concurrent use as long as Answers is only changed by Set.
type Registry struct {
	Name    string            // the connection's name; empty: "public:test"
	Answers map[string]Answer // by "METHOD PATH", or by "PATH" for GET

	mu      sync.Mutex
	queries []format.Query
	sent    []Sent
}

// Sent is a request that Registry.Do was given.
type Sent struct {
	Method, URL string
	Header      http.Header
	Body        string
}

var _ format.Getter = (*Registry)(nil)

// NewRegistry returns a registry with one answer of status 200 per path.
func NewRegistry(bodies map[string]string) *Registry {
	g := &Registry{Answers: make(map[string]Answer)}
	for path, body := range bodies {
		g.Answers[path] = Answer{Body: body}
	}
	return g
}

// Connection returns the connection's name.
func (g *Registry) Connection() string {
	if g.Name == "" {
		return "public:test"
	}
	return g.Name
}

// Set changes an answer while the registry is in use.
func (g *Registry) Set(path string, a Answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.Answers[path] = a
}

// Queries returns what Get was asked so far.
func (g *Registry) Queries() []format.Query {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]format.Query(nil), g.queries...)
}

// Sent returns what Do was given so far.
func (g *Registry) Sent() []Sent {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Sent(nil), g.sent...)
}

// Get returns the canned document as the engine would: 404 and 410 are cache.ErrAbsent, other failures
// *cache.Unavailable, and a body past the limit is cache.ErrTooLarge.
func (g *Registry) Get(ctx context.Context, q format.Query) (*cache.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.queries = append(g.queries, q)
	g.mu.Unlock()
	a := g.answer(http.MethodGet, q.Path)
	switch {
	case a.Err != nil:
		return nil, &cache.Unavailable{Connection: g.Connection(), Err: a.Err}
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		return nil, cache.ErrAbsent
	case a.Status != http.StatusOK:
		return nil, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("status %d", a.Status)}
	case q.Max > 0 && int64(len(a.Body)) > q.Max:
		return nil, cache.ErrTooLarge
	}
	return g.document(q, a), nil
}

func (g *Registry) document(q format.Query, a Answer) *cache.Document {
	body := []byte(a.Body)
	return &cache.Document{
		DocumentRecord: cache.DocumentRecord{
			Key:         cache.DocumentKey{Connection: g.Connection(), Path: q.Path, Accept: q.Accept},
			Status:      http.StatusOK,
			Digest:      blob.Sum(body),
			Size:        int64(len(body)),
			URL:         q.Path,
			ContentType: a.Header.Get("Content-Type"),
			ETag:        a.Header.Get("Etag"),
			Fetched:     time.Unix(1_700_000_000, 0).UTC(),
			Checked:     time.Unix(1_700_000_000, 0).UTC(),
		},
		File:  file{bytes.NewReader(body)},
		Stale: a.Stale,
	}
}

// Do answers with the canned response, whatever its status.
func (g *Registry) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	url := r.URL.String()
	g.mu.Lock()
	g.sent = append(g.sent, Sent{r.Method, url, r.Header.Clone(), string(body)})
	g.mu.Unlock()
	a := g.answer(r.Method, url)
	if a.Err != nil {
		return nil, &cache.Unavailable{Connection: g.Connection(), Err: a.Err}
	}
	h := a.Header.Clone()
	if h == nil {
		h = make(http.Header)
	}
	return &http.Response{
		Status:        http.StatusText(a.Status),
		StatusCode:    a.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        h,
		Body:          io.NopCloser(bytes.NewReader([]byte(a.Body))),
		ContentLength: int64(len(a.Body)),
		Request:       r,
	}, nil
}

func (g *Registry) answer(method, path string) Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.Answers[method+" "+path]
	if !ok && (method == http.MethodGet || method == http.MethodHead) {
		a, ok = g.Answers[path]
	}
	if !ok {
		a.Status = http.StatusNotFound
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	return a
}

// file is a blob in memory.
type file struct{ *bytes.Reader }

func (file) Close() error { return nil }
