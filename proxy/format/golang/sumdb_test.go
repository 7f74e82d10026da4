package golang

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"entrepot/bench/registry"
	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// remote is a Getter over the fake registry, without a socket. It keeps nothing, so that it sees every question.
type remote struct {
	registry *registry.Registry

	mu    sync.Mutex
	asked []string
}

func (g *remote) Connection() string { return "public:go" }

func (g *remote) Get(ctx context.Context, q format.Query) (*cache.Document, error) {
	g.mu.Lock()
	g.asked = append(g.asked, q.Path)
	g.mu.Unlock()
	path, direct := strings.CutPrefix(q.Path, "http://registry.example")
	if !direct {
		path = "/go/" + q.Path
	}
	w := httptest.NewRecorder()
	g.registry.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
	switch w.Code {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, cache.ErrAbsent
	default:
		return nil, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("status %d", w.Code)}
	}
	return document(w.Body.Bytes()), nil
}

func document(b []byte) *cache.Document {
	return &cache.Document{
		DocumentRecord: cache.DocumentRecord{Status: http.StatusOK, Digest: blob.Sum(b), Size: int64(len(b))}, File: memory{bytes.NewReader(b)},
	}
}

func (g *remote) Do(*http.Request) (*http.Response, error) { return nil, errors.New("not asked for") }

func (g *remote) questions(part string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, path := range g.asked {
		if strings.Contains(path, part) {
			n++
		}
	}
	return n
}

// memory is a blob in memory.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// file returns the bytes that the registry has for an asset.
func (g *remote) file(t *testing.T, f *Format, k cache.AssetKey) []byte {
	t.Helper()
	ref, err := f.Locate(k, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	g.registry.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/go/"+ref.URL, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", ref.URL, w.Code)
	}
	return w.Body.Bytes()
}

func verify(t *testing.T, f *Format, g *remote, k cache.AssetKey, b []byte) error {
	t.Helper()
	return f.Verify(t.Context(), k, bytes.NewReader(b), int64(len(b)), g)
}

func TestVerifyAgainstTheChecksumDatabase(t *testing.T) {
	r := registry.New(registry.Options{})
	g := &remote{registry: r}
	f := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
	for i := range 5 {
		r.AddModule("example.com/M", fmt.Sprintf("v1.%d.0", i), map[string]string{"a.go": fmt.Sprintf("package a\n\nconst N = %d\n", i)})
	}
	for i := range 5 {
		for _, ext := range []string{"info", "mod", "zip"} {
			k := key("example.com/M", fmt.Sprintf("v1.%d.0", i), ext)
			if err := verify(t, f, g, k, g.file(t, f, k)); err != nil {
				t.Errorf("%v: %v", k, err)
			}
		}
	}
	// Each .mod and .zip is looked up, in a log of five records: what was proven is not read again.
	if g.questions("/lookup/") != 10 || g.questions("/tile/") > 10 {
		t.Errorf("five versions: asked %q", g.asked)
	}

	// Other bytes, each of the right form, are refused.
	for _, ext := range []string{"mod", "zip"} {
		k := key("example.com/M", "v1.1.0", ext)
		r2 := registry.New(registry.Options{})
		r2.AddModule("example.com/M", "v1.1.0", map[string]string{"go.mod": "module example.com/M\n\ngo 1.20\n", "a.go": "package other\n"})
		other := string((&remote{registry: r2}).file(t, f, k))
		err := verify(t, f, g, k, []byte(other))
		if !errors.Is(err, blob.ErrCorrupt) || !strings.Contains(err.Error(), "checksum database has h1:") {
			t.Errorf("other bytes under %v: %v", k, err)
		}
	}
}

func TestVerifyWithoutAPromise(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddModule("example.com/m", "v1.0.0", map[string]string{"a.go": "package a\n"})
	r.Unlog("example.com/m")
	g := &remote{registry: r}
	k := key("example.com/m", "v1.0.0", "zip")
	for setting, asked := range map[string]bool{r.SumDBKey(): true, "sumdb.example": false, "off": false} {
		f := newFormat(t, map[string]string{"public:go": setting})
		g.asked = nil
		if err := verify(t, f, g, k, g.file(t, f, k)); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
		if (len(g.asked) > 0) != asked {
			t.Errorf("%s: asked %q", setting, g.asked)
		}
		if err := verify(t, f, g, k, below(t, "../a", "")); !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("%s: a bad layout: %v", setting, err)
		}
	}
}

func TestVerifyFailsClosed(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddModule("example.com/m", "v1.0.0", map[string]string{"a.go": "package a\n"})
	g := &remote{registry: r}
	f := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
	k := key("example.com/m", "v1.0.0", "zip")
	b := g.file(t, f, k)
	for pattern, fault := range map[string]registry.Fault{
		"*/supported": {Status: 503},
		"*/lookup/*":  {Status: 403},
		"*/tile/*":    {Status: 500},
	} {
		clear := r.Fault(pattern, fault)
		var down *cache.Unavailable
		if err := verify(t, f, g, k, b); !errors.As(err, &down) {
			t.Errorf("%s answers %d: %v", pattern, fault.Status, err)
		}
		clear()
	}
	for pattern, fault := range map[string]registry.Fault{"*/lookup/*": {Flip: 20}, "*/tile/*": {Flip: 3}} {
		f := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
		clear := r.Fault(pattern, fault)
		if err := verify(t, f, g, k, b); err == nil {
			t.Errorf("%s sends wrong bytes, and is believed", pattern)
		}
		clear()
	}
	if err := verify(t, f, g, k, b); err != nil {
		t.Errorf("a failure was kept: %v", err)
	}
	other := newFormat(t, map[string]string{"public:go": registry.New(registry.Options{}).SumDBKey()})
	if err := verify(t, other, g, k, b); err == nil {
		t.Error("another key's signature is believed")
	}
}

// TestVerifyNoticesTwoHistories shows the database's tree at a size, and then a larger one that does not contain it.
func TestVerifyNoticesTwoHistories(t *testing.T) {
	r := registry.New(registry.Options{})
	g := &remote{registry: r}
	f := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
	add := func(name string) error {
		r.AddModule("example.com/"+name, "v1.0.0", nil)
		k := key("example.com/"+name, "v1.0.0", "zip")
		return verify(t, f, g, k, g.file(t, f, k))
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := add(name); err != nil {
			t.Fatal(err)
		}
	}
	r.ForkSumDB()
	var down *cache.Unavailable
	var err error
	for _, name := range []string{"u", "v", "w", "x"} {
		if err = add(name); !errors.As(err, &down) {
			t.Errorf("the record of %s, of another history, is believed: %v", name, err)
		}
	}
	if !strings.Contains(err.Error(), "misbehavior") {
		t.Errorf("two histories are not named as such: %v", err)
	}
}

func TestWhereADatabaseIsAsked(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddModule("example.com/m", "v1.0.0", nil)
	g := &remote{registry: r}
	k := key("example.com/m", "v1.0.0", "mod")
	explicit := newFormat(t, map[string]string{"public:go": r.SumDBKey() + " http://registry.example/go/sumdb/sumdb.example/"})
	if err := verify(t, explicit, g, k, g.file(t, explicit, k)); err != nil || g.questions("http://registry.example") == 0 || g.questions("supported") != 0 {
		t.Errorf("an address that is given: %v, asked %q", err, g.asked)
	}
	g.asked = nil
	derived := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
	r.Fault("*/supported", registry.Fault{Status: 404})
	verify(t, derived, g, k, g.file(t, derived, k))
	if g.questions("https://sumdb.example/lookup/example.com/m@v1.0.0") == 0 {
		t.Errorf("a registry that does not pass it on: asked %q", g.asked)
	}
}

func TestVerifyForm(t *testing.T) {
	g := &remote{registry: registry.New(registry.Options{})}
	f := newFormat(t, nil)
	for _, c := range []struct {
		ext, body string
		ok        bool
	}{
		{"info", `{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z","Origin":{"VCS":"git"}}`, true},
		{"info", `{"Version":"v1.0.0"}`, true},
		{"info", `{"Version":"v1.0.1"}`, false},
		{"info", `{"Version":"v1.0.0","Time":"yesterday"}`, false},
		{"info", `{}`, false},
		{"info", `<!doctype html>`, false},
		{"info", `{"Version":"v1.0.0","Origin":"` + strings.Repeat("x", maxInfo) + `"}`, false},
		{"mod", "module example.com/m\n\ngo 1.99\n\nrequire example.com/x v1.0.0\n\nfuture directive\n", true},
		{"mod", "module example.com/renamed\nrequire example.com/x master\n", true},
		{"mod", "module example.com/m\nrequire (\n\texample.com/x/v2 1234567\n\tgopkg.in/y.v3 v3\n)\n", true},
		{"mod", "", false},
		{"mod", "<!doctype html>\n<p>Sign in", false},
		{"zip", "<!doctype html>", false},
		{"zip", string(below(t, "a.go", "package a")), true},
		{"txt", "", false},
	} {
		err := verify(t, f, g, key("example.com/m", "v1.0.0", c.ext), []byte(c.body))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("%s %.80q: %v", c.ext, c.body, err)
		}
	}
}
