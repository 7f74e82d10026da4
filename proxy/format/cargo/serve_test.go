package cargo

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func served(t *testing.T, d format.Desk, method, path, body string) string {
	t.Helper()
	w, err := do(t, d, method, path, []byte(body))
	if err != nil {
		var invalid *cache.Invalid
		switch {
		case errors.Is(err, cache.ErrAbsent):
			return "absent"
		case errors.As(err, &invalid):
			return "invalid"
		}
		return err.Error()
	}
	return strings.TrimSpace(w.Body.String())
}

func TestConfig(t *testing.T) {
	for private, want := range map[bool]string{
		false: `{"dl":"https://packages.example/x/main/api/v1/crates","api":"https://packages.example/x/main","auth-required":false}`,
		true:  `{"dl":"https://packages.example/x/main/api/v1/crates","api":"https://packages.example/x/main","auth-required":true}`,
	} {
		w := httptest.NewRecorder()
		v := format.View{Base: formattest.Base, Private: private}
		err := Format{}.Serve(w, formattest.Request(http.MethodGet, "config.json"), format.Want{View: viewConfig}, v, new(formattest.Desk))
		if got := strings.TrimSpace(w.Body.String()); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

func TestExplain(t *testing.T) {
	w := httptest.NewRecorder()
	Format{}.Explain(w, http.StatusForbidden, `no "x" < y`)
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusForbidden || got != `{"errors":[{"detail":"no \"x\" < y"}]}` {
		t.Errorf("%d %s", w.Code, got)
	}
	if got := (Format{}).Challenge(formattest.Base); got != `Cargo login_url="https://packages.example/x/main/me"` {
		t.Error(got)
	}
	if got := served(t, new(formattest.Desk), http.MethodGet, "me", ""); !strings.Contains(got, "cargo login") {
		t.Error(got)
	}
}

func TestOwners(t *testing.T) {
	d := &formattest.Desk{Who: &formattest.Identity{User: "ci"}}
	if err := put(t, d, simple("Foo", "1.0.0"), crateOf(t, "Foo", "1.0.0")); err != nil {
		t.Fatal(err)
	}
	const path = "api/v1/crates/foo/owners"
	for _, c := range []struct{ method, body, want, owners string }{
		{http.MethodGet, "", "ci", "ci"},
		{http.MethodPut, `{"users":["alice","bob","ci"]}`, `"ok":true`, "ci alice bob"},
		{http.MethodDelete, `{"users":["ci"]}`, `"ok":true`, "alice bob"},
		{http.MethodDelete, `{"users":["ci"]}`, "invalid", "alice bob"},
		{http.MethodPut, `{"users":["a\nb"]}`, "invalid", "alice bob"},
		{http.MethodPut, `{"users":[""]}`, "invalid", "alice bob"},
		{http.MethodPut, `[]`, "invalid", "alice bob"},
		{http.MethodPut, strings.Repeat(" ", maxBody+1), cache.ErrTooLarge.Error(), "alice bob"},
	} {
		if got := served(t, d, c.method, path, c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s %.40s: %s", c.method, c.body, got)
		}
		if got := strings.Join(readAbout(d.Holding(packageOf("foo")).Meta).Owners, " "); got != c.owners {
			t.Errorf("%s %.40s: the owners are %s", c.method, c.body, got)
		}
	}
	// A new version leaves owners alone.
	if err := put(t, d, simple("Foo", "1.1.0"), crateOf(t, "Foo", "1.1.0")); err != nil {
		t.Fatal(err)
	}
	if got := served(t, d, http.MethodGet, path, ""); got != `{"users":[{"id":1,"login":"alice"},{"id":2,"login":"bob"}]}` {
		t.Error(got)
	}
	if got := served(t, d, http.MethodGet, "api/v1/crates/other/owners", ""); got != "absent" {
		t.Error(got)
	}
	if got := served(t, d, http.MethodPut, "api/v1/crates/other/owners", `{"users":["x"]}`); got != "absent" {
		t.Error(got)
	}
}

// finding is a repository that can be searched.
type finding struct{ *formattest.Desk }

func (f finding) Find(context.Context, string, int) ([]cache.Package, error) {
	return []cache.Package{packageOf("foo"), {Format: "npm", Name: "foo"}}, nil
}

func TestSearch(t *testing.T) {
	const search = "https://api.example/api/v1/crates?per_page=3&q=fo"
	searched := func(name string, a formattest.Answer) *formattest.Registry {
		return &formattest.Registry{Name: name, Answers: map[string]formattest.Answer{
			"config.json": {Body: `{"dl":"https://f.example","api":"https://api.example/"}`}, search: a,
		}}
	}
	some := formattest.Answer{Body: `{"crates":[{"name":"Foo","max_version":"9.0.0"},{"name":"fox","max_version":"2.0.0","description":"d"}],"meta":{"total":70}}`}
	broken := formattest.Answer{Status: http.StatusInternalServerError}
	without := &formattest.Registry{Answers: map[string]formattest.Answer{"config.json": {Body: `{"dl":"https://f.example"}`}}}
	for name, c := range map[string]struct {
		registries []*formattest.Registry
		want       string
	}{
		"none": {nil, `{"crates":[{"name":"foo","max_version":"1.0.0","description":""}],"meta":{"total":1}}`},
		"one": {[]*formattest.Registry{searched("a", some)},
			`{"crates":[{"name":"foo","max_version":"1.0.0","description":""},{"name":"fox","max_version":"2.0.0","description":"d"}],"meta":{"total":71}}`},
		"one is down":       {[]*formattest.Registry{searched("a", broken), searched("b", some)}, `"total":71`},
		"one has no API":    {[]*formattest.Registry{without}, `"total":1`},
		"one has no search": {[]*formattest.Registry{searched("a", formattest.Answer{Status: http.StatusNotFound})}, `"total":1`},
	} {
		d := &formattest.Desk{Registries: c.registries}
		if err := put(t, d, simple("foo", "1.0.0"), crateOf(t, "foo", "1.0.0")); err != nil {
			t.Fatal(err)
		}
		if err := put(t, d, simple("foo", "1.1.0-rc.1"), crateOf(t, "foo", "1.1.0-rc.1")); err != nil {
			t.Fatal(err)
		}
		d.Holding(packageOf("foo")).Versions[1].Status = cache.Unlisted
		if got := served(t, finding{d}, http.MethodGet, "api/v1/crates?q=fo&per_page=3", ""); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	d := &formattest.Desk{Registries: []*formattest.Registry{searched("a", broken)}}
	if got := served(t, d, http.MethodGet, "api/v1/crates?q=fo&per_page=3", ""); !strings.Contains(got, "unavailable") {
		t.Errorf("all are down: %s", got)
	}
}
