package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

// registry is a Source in memory. Its answer may be changed while it is asked.
type registry struct {
	mu     sync.Mutex
	answer func(r *http.Request) (*http.Response, error)
	asked  []*http.Request
}

func (g *registry) Name() string { return "private:test" }

func (g *registry) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	g.asked = append(g.asked, r)
	answer := g.answer
	g.mu.Unlock()
	return answer(r)
}

func (g *registry) set(answer func(*http.Request) (*http.Response, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

// requests is how often the registry was asked.
func (g *registry) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.asked)
}

// askedFor is how often it was asked for one address.
func (g *registry) askedFor(url string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.asked {
		if r.URL.String() == url {
			n++
		}
	}
	return n
}

func (g *registry) last() *http.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[len(g.asked)-1]
}

// says answers with a status, a JSON body, and headers as "Name: value".
func says(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			resp.Header.Set(name, value)
		}
		return resp, nil
	}
}

// after answers like then, d later, unless the request is given up before.
func after(d time.Duration, then func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if err := pause(r.Context(), d); err != nil {
			return nil, err
		}
		return then(r)
	}
}

func down(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("connection refused") }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// records is a DocumentIndex in memory.
type records struct {
	mu sync.Mutex
	m  map[DocumentKey]DocumentRecord
}

func (x *records) Document(_ context.Context, k DocumentKey) (DocumentRecord, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, ok := x.m[k]
	if !ok {
		return r, fs.ErrNotExist
	}
	return r, nil
}

func (x *records) PutDocument(_ context.Context, r DocumentRecord) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.m == nil {
		x.m = make(map[DocumentKey]DocumentRecord)
	}
	x.m[r.Key] = r
	return nil
}

func (x *records) all() map[DocumentKey]DocumentRecord {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.m)
}

// house is a Documents with what is around it.
type house struct {
	*Documents
	t     *testing.T
	src   *registry
	store blob.Store
	index *records
}

func newHouse(t *testing.T, answer func(*http.Request) (*http.Response, error), o DocumentsOptions) *house {
	h := &house{t: t, src: &registry{answer: answer}, store: blobtest.Fake(), index: &records{}}
	o.Domain, o.Store, o.Index = "default", h.store, h.index
	h.Documents = NewDocuments(o)
	t.Cleanup(func() { h.Documents.Close() })
	return h
}

var query = DocumentQuery{Path: "left-pad", URL: "http://registry.example/left-pad", Accept: "application/json"}

// get returns the document's text and whether it is marked stale.
func (h *house) get(q DocumentQuery) (text string, stale bool, err error) {
	doc, err := h.Get(context.Background(), h.src, q)
	if err != nil {
		return "", false, err
	}
	defer doc.Close()
	b, err := io.ReadAll(doc.Reader())
	return string(b), doc.Stale, err
}

// want checks what a query gets.
func (h *house) want(q DocumentQuery, text string, stale bool) {
	h.t.Helper()
	got, gotStale, err := h.get(q)
	if err != nil || got != text || gotStale != stale {
		h.t.Fatalf("got %q, stale %v, error %v; want %q, stale %v", got, gotStale, err, text, stale)
	}
}

func (h *house) wantRequests(n int) {
	h.t.Helper()
	if got := h.src.requests(); got != n {
		h.t.Fatalf("the registry was asked %d times, want %d", got, n)
	}
}

// wantNothing checks that neither bytes nor rows are stored.
func (h *house) wantNothing() {
	h.t.Helper()
	if rows := h.index.all(); len(rows) > 0 {
		h.t.Errorf("rows are stored: %v", rows)
	}
	wantBlobs(h.t, h.store, 0)
}

func wantBlobs(t *testing.T, s blob.Store, n int) {
	t.Helper()
	got := 0
	for _, err := range s.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		got++
	}
	if got != n {
		t.Errorf("%d blobs are stored, want %d", got, n)
	}
}

// bytesOf returns n bytes that no compression shortens much.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want %d, or they differ", len(got), len(want))
	}
}
