package golang

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entrepot/bench/registry"
	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

const (
	pseudo     = "v0.0.0-20200101000000-0123456789ab"
	pseudoInfo = `{"Version":"` + pseudo + `","Time":"2020-01-01T00:00:00Z"}`
)

// do parses a request and serves it.
func do(t *testing.T, f *Format, d format.Desk, method, path, body string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	r := formattest.Request(method, path)
	if body != "" {
		r = httptest.NewRequest(method, "http://entrepot.example/", strings.NewReader(body))
	}
	want, err := f.Parse(r, path)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	return w, f.Serve(w, r, want, format.View{Name: want.View, Base: formattest.Base}, d)
}

// served asks for a path, and returns the body or what kind of error it was.
func served(t *testing.T, f *Format, d format.Desk, path string) string {
	t.Helper()
	w, err := do(t, f, d, http.MethodGet, path, "")
	var down *cache.Unavailable
	switch {
	case errors.Is(err, cache.ErrAbsent):
		return "absent"
	case errors.As(err, &down):
		return "unavailable"
	case err != nil:
		return err.Error()
	}
	return w.Body.String()
}

func TestQueries(t *testing.T) {
	f := newFormat(t, nil)
	for _, c := range []struct {
		name          string
		first, second map[string]formattest.Answer
		want          string
	}{
		{"first", map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: pseudoInfo}}, nil, pseudoInfo},
		{"second", nil, map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: pseudoInfo}}, pseudoInfo},
		{"gone, then second", map[string]formattest.Answer{"example.com/m/@v/main.info": {Status: 410}},
			map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: pseudoInfo}}, pseudoInfo},
		{"nobody", nil, nil, "absent"},
		{"down", map[string]formattest.Answer{"example.com/m/@v/main.info": {Status: 503}},
			map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: pseudoInfo}}, "unavailable"},
		{"page", map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: "<!doctype html>"}}, nil, "unavailable"},
		{"no version", map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: `{"Version":"main"}`}}, nil, "unavailable"},
		{"other major", map[string]formattest.Answer{"example.com/m/@v/main.info": {Body: `{"Version":"v2.0.0"}`}}, nil, "unavailable"},
	} {
		d := &formattest.Desk{Format: f, Registries: []*formattest.Registry{{Answers: c.first}, {Answers: c.second}}}
		if got := served(t, f, d, "example.com/m/@v/main.info"); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	g := formattest.NewRegistry(map[string]string{"example.com/m/@v/a%23b.info": pseudoInfo})
	d := &formattest.Desk{Format: f, Registries: []*formattest.Registry{g}}
	if got := served(t, f, d, "example.com/m/@v/a%23b.info"); got != pseudoInfo || g.Queries()[0].Fresh != freshQuery {
		t.Errorf("a branch with #: %s, asked %+v", got, g.Queries())
	}
}

func TestLatest(t *testing.T) {
	f := newFormat(t, nil)
	info := func(v string) string { return `{"Version":"` + v + `","Time":"2020-01-01T00:00:00Z"}` }
	for _, c := range []struct {
		name    string
		answers map[string]string
		want    string
	}{
		{"release", map[string]string{
			"example.com/m/@v/list": "v1.0.0\nv1.10.0\nv1.9.0\nv1.11.0-rc.1\n", "example.com/m/@v/v1.10.0.info": info("v1.10.0"),
		}, info("v1.10.0")},
		{"pre-release", map[string]string{
			"example.com/m/@v/list": "v1.0.0-a\nv1.0.0-b\n", "example.com/m/@v/v1.0.0-b.info": info("v1.0.0-b"),
		}, info("v1.0.0-b")},
		{"incompatible", map[string]string{
			"example.com/m/@v/list": "v1.0.0\nv2.0.0+incompatible\n", "example.com/m/@v/v2.0.0+incompatible.info": info("v2.0.0+incompatible"),
		}, info("v2.0.0+incompatible")},
		{"no tags", map[string]string{"example.com/m/@v/list": "", "example.com/m/@latest": pseudoInfo}, pseudoInfo},
		{"no list", map[string]string{"example.com/m/@latest": pseudoInfo}, pseudoInfo},
		{"no info", map[string]string{"example.com/m/@v/list": "v1.0.0\n"}, `{"Version":"v1.0.0"}`},
		{"unknown", nil, "absent"},
	} {
		d := &formattest.Desk{Format: f, Registries: []*formattest.Registry{formattest.NewRegistry(c.answers)}}
		if got := served(t, f, d, "example.com/m/@latest"); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestLatestObeysRules(t *testing.T) {
	f := newFormat(t, nil)
	g := formattest.NewRegistry(map[string]string{
		"example.com/m/@v/list": "v1.0.0\n", "example.com/m/@latest": `{"Version":"v1.0.0"}`, "example.com/m/@v/v1.0.0.info": `{"Version":"v1.0.0"}`,
	})
	d := hiding{&formattest.Desk{Format: f, Registries: []*formattest.Registry{g}}, "v1.0.0"}
	if got := served(t, f, d, "example.com/m/@latest"); got != "absent" {
		t.Errorf("a refused version is the latest: %s", got)
	}
}

func TestSumsArePassedOn(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddModule("example.com/m", "v1.0.0", nil)
	g := &remote{registry: r}
	d := &desk{Desk: &formattest.Desk{}, getters: []format.Getter{g}}
	lookup := "sumdb/sumdb.example/lookup/example.com/m@v1.0.0"
	served(t, newFormat(t, nil), d, lookup) // which makes the log's first record
	for setting, has := range map[string]bool{r.SumDBKey(): true, "sumdb.example": true, "other.example": false, "off": false, "unset": true} {
		f := newFormat(t, map[string]string{"public:go": setting})
		if setting == "unset" {
			f = newFormat(t, nil)
		}
		for path, want := range map[string]string{
			lookup:                                 "example.com/m v1.0.0 h1:",
			"sumdb/sumdb.example/latest":           "go.sum database tree",
			"sumdb/sumdb.example/tile/8/0/000.p/1": "",
			"sumdb/sumdb.example/supported":        "",
		} {
			got := served(t, f, d, path)
			if has && (!strings.Contains(got, want) || got == "absent") || !has && got != "absent" {
				t.Errorf("%s at %s: %s", path, setting, got)
			}
		}
		if got := served(t, f, d, "sumdb/evil.example/supported"); got != "absent" {
			t.Errorf("%s: a database that nobody configured: %s", setting, got)
		}
		if got := served(t, f, d, "sumdb/sumdb.example/lookup/example.com/x@v1.0.0"); got != "absent" {
			t.Errorf("%s: an unknown module: %s", setting, got)
		}
	}
}

func TestSupportedIsAnsweredHere(t *testing.T) {
	r := registry.New(registry.Options{})
	g := &remote{registry: r}
	d := &desk{Desk: &formattest.Desk{}, getters: []format.Getter{g}}
	r.Fault("", registry.Fault{Status: 503})
	if got := served(t, newFormat(t, map[string]string{"public:go": "sumdb.example"}), d, "sumdb/sumdb.example/supported"); got != "" || len(g.asked) != 0 {
		t.Errorf("%q, asked %q", got, g.asked)
	}
	if got := served(t, newFormat(t, nil), d, "sumdb/sumdb.example/supported"); got != "unavailable" {
		t.Errorf("a registry that is down: %s", got) // absent would send the client out past us
	}
}

func TestPrivateNamesAreNotLookedUp(t *testing.T) {
	r := registry.New(registry.Options{})
	g := &remote{registry: r}
	f := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
	d := &desk{Desk: &formattest.Desk{}, getters: []format.Getter{g}, private: "example.com/secret"}
	if got := served(t, f, d, "sumdb/sumdb.example/lookup/example.com/secret@v1.0.0"); got != "absent" || r.Requests("*") != 0 {
		t.Errorf("%s after %d requests", got, r.Requests("*"))
	}
}

func TestTileIsKeptByClients(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddModule("example.com/m", "v1.0.0", nil)
	f := newFormat(t, map[string]string{"public:go": r.SumDBKey()})
	d := &desk{Desk: &formattest.Desk{}, getters: []format.Getter{&remote{registry: r}}}
	served(t, f, d, "sumdb/sumdb.example/lookup/example.com/m@v1.0.0")
	w, err := do(t, f, d, http.MethodGet, "sumdb/sumdb.example/tile/8/0/000.p/1", "")
	if err != nil || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != typeTile || w.Body.Len() != 32 {
		t.Errorf("%v %v, %d bytes", err, w.Header(), w.Body.Len())
	}
	w, err = do(t, f, d, http.MethodHead, "sumdb/sumdb.example/latest", "")
	if err != nil || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("HEAD: %v %v", err, w.Header())
	}
}
