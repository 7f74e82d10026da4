package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"entrepot/bench/registry"
	"entrepot/proxy"
	"entrepot/proxy/forward"
	"entrepot/upstream"
)

// nothing learns nothing.
type nothing struct{}

func (nothing) Learn(context.Context, *upstream.Domain, forward.Target, string, string, bool) (*upstream.Connection, error) {
	return nil, errors.New("not here")
}
func (nothing) Learnt(context.Context, *upstream.Domain, string) []*upstream.Connection { return nil }
func (nothing) Points([]string)                                                         {}
func (nothing) Private(context.Context, *upstream.Connection, forward.Target, http.Header) (*upstream.Connection, error) {
	return nil, errors.New("not here")
}

// crossroads is a server with two npm registries and a repository of its own, which are all upstream of main.
type crossroads struct {
	*site
	other       *registry.Registry
	otherRemote *registry.Listener
	interceptor *proxy.Interceptor
	passed      int // requests that were passed on
}

func newCrossroads(t *testing.T) *crossroads {
	c := &crossroads{other: registry.New(registry.Options{})}
	c.otherRemote = c.other.Start(t)
	c.site = start(t, setup{
		repos: []repo{
			{name: "npmjs-store", connection: "public:npmjs"},
			{name: "other-store", connection: "private:other"},
			{name: "inside"},
			{name: "main", upstreams: []string{"inside", "npmjs-store", "other-store"}},
		},
		connections: map[string]string{"private:other": c.otherRemote.URL + "/npm/"},
	})
	c.server.Site().Inside = map[string]string{"test": "main"}
	c.interceptor = proxy.NewInterceptor(c.server, nothing{}, func(w http.ResponseWriter, r *http.Request) {
		c.passed++
		w.WriteHeader(http.StatusTeapot)
	})
	return c
}

// intercept asks what was on its way to a registry.
func (c *crossroads) intercept(origin, path, client string) *httptest.ResponseRecorder {
	c.t.Helper()
	to, err := forward.ParseOrigin(origin)
	c.must(err)
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host, r.RemoteAddr = to.Host(), client+":1234"
	w := httptest.NewRecorder()
	c.interceptor.ServeHTTP(w, forward.With(r, &forward.Visit{To: to, Client: netip.MustParseAddr(client)}))
	return w
}

const here, lan = "127.0.0.1", "192.0.2.7"

func TestInterceptionAnswersFromTheHostThatWasNamedAlone(t *testing.T) {
	c := newCrossroads(t)
	public := c.registry.AddNPM("thing", "1.0.0", registry.NPMVersion{Seed: 1})
	other := c.other.AddNPM("thing", "1.0.0", registry.NPMVersion{Seed: 2})
	c.registry.AddNPM("elsewhere", "1.0.0", registry.NPMVersion{Seed: 3})
	const tarball = "/npm/thing/-/thing-1.0.0.tgz"
	if got := c.get(tarballPath("main", "thing", "1.0.0")); !bytes.Equal(got.body, public) {
		t.Fatalf("main: %d", got.status) // and main holds it now, as another connection's
	}
	for range 2 {
		if w := c.intercept(c.otherRemote.URL, tarball, here); !bytes.Equal(w.Body.Bytes(), other) {
			t.Errorf("the other registry's: %d, %d bytes", w.Code, w.Body.Len())
		}
		if w := c.intercept(c.remote.URL, tarball, here); !bytes.Equal(w.Body.Bytes(), public) {
			t.Errorf("the public registry's: %d, %d bytes", w.Code, w.Body.Len())
		}
	}
	if w := c.intercept(c.otherRemote.URL, "/npm/elsewhere", here); w.Code != http.StatusNotFound {
		t.Errorf("what only the public registry has: %d", w.Code)
	}
	w := c.intercept(c.otherRemote.URL, "/npm/thing", here)
	if !strings.Contains(w.Body.String(), c.otherRemote.URL+tarball) {
		t.Errorf("the document's addresses are not the registry's own: %s", w.Body)
	}
}

func TestInterceptionAddsWhatWasPublishedInside(t *testing.T) {
	c := newCrossroads(t)
	c.registry.AddNPM("ours", "9.9.9", registry.NPMVersion{Seed: 1})
	r := newRelease("ours", "1.0.0", 2)
	c.publish("inside", r)
	if w := c.intercept(c.remote.URL, "/npm/ours/-/ours-1.0.0.tgz", here); !bytes.Equal(w.Body.Bytes(), r.tarball) {
		t.Errorf("ours: %d", w.Code)
	}
	if w := c.intercept(c.remote.URL, "/npm/ours/-/ours-9.9.9.tgz", here); w.Code != http.StatusNotFound {
		t.Errorf("theirs of the same name: %d", w.Code)
	}
	if w := c.intercept(c.remote.URL, "/npm/ours", here); strings.Contains(w.Body.String(), "9.9.9") || !strings.Contains(w.Body.String(), "1.0.0") {
		t.Errorf("the document: %s", w.Body)
	}
	if got := c.get(tarballPath("npmjs-store", "ours", "1.0.0")); bytes.Equal(got.body, r.tarball) {
		t.Error("what was published inside went into the connected repository")
	}
	// Who may not read here gets what the registry itself would give, but nothing under a name of ours.
	c.registry.AddNPM("theirs", "1.0.0", registry.NPMVersion{Seed: 3})
	for path, want := range map[string]int{
		"/npm/ours": 403, "/npm/ours/-/ours-1.0.0.tgz": 403, "/npm/ours/-/ours-9.9.9.tgz": 403, "/npm/theirs/-/theirs-1.0.0.tgz": 200,
	} {
		if w := c.intercept(c.remote.URL, path, lan); w.Code != want {
			t.Errorf("%s, for a stranger: %d", path, w.Code)
		}
	}
	if c.passed != 0 {
		t.Errorf("%d requests for a name of ours were passed on", c.passed)
	}
}

func TestInterceptionPassesOnWhatIsNotForReading(t *testing.T) {
	c := newCrossroads(t)
	for _, path := range []string{"/npm/-/whoami", "/npm/-/v1/search?text=a", "/index.html", "/npm/../x", "/npm//a"} {
		if w := c.intercept(c.remote.URL, path, here); w.Code != http.StatusTeapot {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := c.intercept("https://unknown.example", "/thing", here); w.Code != http.StatusTeapot {
		t.Errorf("an unknown host: %d", w.Code)
	}
}

func TestAWarmAnswerOfOneErrandIsNotAnothers(t *testing.T) {
	c := newCrossroads(t)
	c.registry.AddNPM("thing", "1.0.0", registry.NPMVersion{Seed: 1})
	const tarball = "/npm/thing/-/thing-1.0.0.tgz"
	for range 3 { // the last ones from memory
		if w := c.intercept(c.remote.URL, tarball, here); w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
	}
	// The same words to the other registry, and to the server itself.
	if w := c.intercept(c.otherRemote.URL, tarball, here); w.Code != http.StatusNotFound {
		t.Errorf("the other registry: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodGet, tarball, nil)
	r.Host, r.RemoteAddr, r.ProtoMajor = strings.TrimPrefix(c.remote.URL, "http://"), here+":1234", 2
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		t.Error("the server itself answers for the registry")
	}
}

func TestWarmAnswersOfHTTP2AreAsTheOthers(t *testing.T) {
	c := newCrossroads(t)
	c.registry.AddNPM("thing", "1.0.0", registry.NPMVersion{Seed: 1})
	ask := func(headers ...string) *httptest.ResponseRecorder {
		r := c.request(http.MethodGet, tarballPath("main", "thing", "1.0.0"), nil, headers...)
		r.RemoteAddr, r.ProtoMajor, r.RequestURI, r.Host = here+":1234", 2, r.URL.Path, "localhost"
		w := httptest.NewRecorder()
		c.server.ServeHTTP(w, r)
		return w
	}
	cold := ask()
	for range 2 {
		warm := ask()
		if warm.Code != http.StatusOK || !bytes.Equal(warm.Body.Bytes(), cold.Body.Bytes()) || warm.Header().Get("X-Cache") != "hit" {
			t.Errorf("%d %v", warm.Code, warm.Header())
		}
		tag := warm.Header().Get("Etag")
		if w := ask("If-None-Match", tag); w.Code != http.StatusNotModified || tag == "" {
			t.Errorf("with its tag %q: %d", tag, w.Code)
		}
		if w := ask("Range", "bytes=1-3"); w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), cold.Body.Bytes()[1:4]) {
			t.Errorf("a range: %d %q", w.Code, w.Body)
		}
	}
}
