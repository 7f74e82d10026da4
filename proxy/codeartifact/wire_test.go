package codeartifact

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/cache/index"
	"entrepot/proxy/auth"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// newAPI is an API over an empty domain; the token "admin-token" may do everything.
func newAPI(t testing.TB) *API {
	t.Helper()
	db, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	state, _ := Load(nil)
	id, err := db.Repository(t.Context(), "acme", "team")
	if err != nil {
		t.Fatal(err)
	}
	under := upstream.NewDomain("acme", "111122223333", &upstream.Stores{Index: db, Changes: cache.NewChanges()})
	repo, err := under.Add("team", id, upstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDomain(Domain{Domain: under, Repositories: map[string]*Repository{"team": {Repository: repo}}}, nil, state)
	if err != nil {
		t.Fatal(err)
	}
	authority := auth.New(db)
	if err := authority.SetAccess(auth.Access{Tokens: []auth.StaticToken{{Name: "admin", Token: "admin-token", Level: auth.AdminLevel}}}); err != nil {
		t.Fatal(err)
	}
	return New(Options{
		Domains: map[string]*Domain{"acme": d}, Owner: "111122223333", Authority: authority, Policy: policy.NewSet(DefaultRegion, nil),
		Index: db, State: state, Log: func(err error, operation string) { t.Errorf("%s: %v", operation, err) },
	})
}

// ask sends a request with a token, and returns status, error type and body.
func ask(t testing.TB, a *API, method, target, body string) (int, string, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer admin-token")
	w := httptest.NewRecorder()
	_ = a.Serve(w, r, Client{Remote: netip.MustParseAddr("192.0.2.1"), Origin: "http://127.0.0.1"})
	out := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %v in %q", method, target, err, w.Body)
	}
	return w.Code, w.Header().Get("X-Amzn-Errortype"), out
}

// TestEveryOperationHasAHandler compares the table with the model.
func TestEveryOperationHasAHandler(t *testing.T) {
	want, have := slices.Sorted(maps.Keys(service().Operations)), slices.Sorted(maps.Keys(operations))
	if len(want) != 48 || !slices.Equal(want, have) {
		t.Errorf("%d operations in the model, %d here", len(want), len(have))
	}
}

func TestBadRequests(t *testing.T) {
	a := newAPI(t)
	deep := strings.Repeat(`[`, 100_000)
	for _, c := range []struct {
		name, method, target, body string
		status                     int
		message                    string
	}{
		{"no such path", "GET", "/v1/nothing", "", 404, "operation"},
		{"another method", "PATCH", "/v1/domain", "", 405, "method"},
		{"a parameter missing", "GET", "/v1/domain", "", 400, "'domain'"},
		{"an empty parameter", "GET", "/v1/domain?domain=", "", 400, "length"},
		{"a bad pattern", "GET", "/v1/domain?domain=UPPER", "", 400, "regular expression"},
		{"a long text", "GET", "/v1/domain?domain=" + strings.Repeat("a", 51), "", 400, "length"},
		{"an account of 11 digits", "GET", "/v1/domain?domain=acme&domain-owner=11112222333", "", 400, "domainOwner"},
		{"a bad enum", "POST", "/v1/packages?domain=acme&repository=team&publish=MAYBE", "", 400, "enum"},
		{"no number", "POST", "/v1/packages?domain=acme&repository=team&max-results=ten", "", 400, "number"},
		{"too small", "POST", "/v1/packages?domain=acme&repository=team&max-results=0", "", 400, "greater"},
		{"an unreadable query", "GET", "/v1/domain?domain=%zz", "", 400, "query"},
		{"no UTF-8 in the query", "GET", "/v1/domain?domain=%ff%ff", "", 400, "UTF-8"},
		{"no JSON", "POST", "/v1/domain?domain=other", `{"tags":`, 400, "JSON"},
		{"a list for an object", "POST", "/v1/domain?domain=other", `[]`, 400, "JSON"},
		{"something behind", "POST", "/v1/domain?domain=other", `{} {}`, 400, "follows"},
		{"no UTF-8", "POST", "/v1/domain?domain=other", "{\"tags\":\"\xff\"}", 400, "UTF-8"},
		{"a deep list", "POST", "/v1/domain?domain=other", `{"tags":` + deep, 400, "JSON"},
		{"a text for a list", "POST", "/v1/domain?domain=other", `{"tags":"x"}`, 400, "list"},
		{"a number for a text", "POST", "/v1/domain?domain=other", `{"tags":[{"key":1,"value":"x"}]}`, 400, "string"},
		{"a member missing", "POST", "/v1/domain?domain=other", `{"tags":[{"key":"k"}]}`, 400, "null"},
		{"201 tags", "POST", "/v1/domain?domain=other", `{"tags":[` + strings.Repeat(`{"key":"k","value":"v"},`, 200) + `{"key":"k","value":"v"}]}`, 400, "200"},
		{"too large", "POST", "/v1/domain?domain=other", `{"x":"` + strings.Repeat("x", maxBody) + `"}`, 400, "large"},
		{"a policy of 7169", "PUT", "/v1/repository/permissions/policy?domain=acme&repository=team", `{"policyDocument":"` + strings.Repeat("x", 7169) + `"}`, 400, "7168"},
		{"no namespace", "GET", "/v1/package?domain=acme&repository=team&format=maven&package=x", "", 400, "namespace"},
		{"a namespace", "GET", "/v1/package?domain=acme&repository=team&format=pypi&package=x&namespace=y", "", 400, "namespace"},
		{"a slash", "GET", "/v1/package?domain=acme&repository=team&format=npm&package=x%23y", "", 400, "regular expression"},
	} {
		status, kind, out := ask(t, a, c.method, c.target, c.body)
		message, _ := out["message"].(string)
		if status != c.status || kind != "ValidationException" || out["__type"] != kind || !strings.Contains(message, c.message) || out["reason"] == nil {
			t.Errorf("%s: %d %s %v", c.name, status, kind, out)
		}
	}
}

// TestNothingBacktracks ends: no pattern of the model takes long, whatever it is given.
func TestNothingBacktracks(t *testing.T) {
	text := strings.Repeat("a-", 200_000) + "!"
	for _, s := range service().Shapes {
		if s.pattern != nil {
			s.pattern.MatchString(text) // an exponential one would take for ever
		}
	}
}

// TestWireHabits are those that clients rely on: numbers for times, an error type in header and body, unknown members
// ignored, absent and empty apart.
func TestWireHabits(t *testing.T) {
	a := newAPI(t)
	status, _, out := ask(t, a, "GET", "/v1/repository?domain=acme&repository=team&whatever=1", "")
	repo, _ := out["repository"].(map[string]any)
	if status != 200 || repo["upstreams"] == nil || repo["externalConnections"] == nil {
		t.Errorf("described: %d %v", status, out)
	}
	for body, given := range map[string]bool{`{}`: false, `{"upstreams":null}`: false, `{"upstreams":[]}`: true, `{"other":1}`: false, ``: false} {
		op := service().Operations["UpdateRepository"]
		r := httptest.NewRequest("PUT", "/v1/repository?domain=acme&repository=team", nil)
		v, err := service().decode(op, r, []byte(body), func(string) bool { return false })
		if err != nil || v.has("upstreams") != given {
			t.Errorf("%s: %v, %v", body, v, err)
		}
	}
	status, kind, out := ask(t, a, "GET", "/v1/domain?domain=nowhere", "")
	if status != 404 || kind != "ResourceNotFoundException" || out["resourceType"] != "domain" || out["resourceId"] != "nowhere" {
		t.Errorf("absent: %d %s %v", status, kind, out)
	}
	r := httptest.NewRequest("GET", "/v1/domain?domain=acme", nil)
	w := httptest.NewRecorder()
	_ = a.Serve(w, r, Client{Remote: netip.MustParseAddr("192.0.2.1")})
	if w.Code != http.StatusForbidden || w.Header().Get("X-Amzn-Errortype") != "AccessDeniedException" {
		t.Errorf("without a credential: %d %s", w.Code, w.Body)
	}
}

// TestStateSurvives: what was made comes back from what was stored, and only what changed is stored.
func TestStateSurvives(t *testing.T) {
	before, _ := Load(nil)
	next := before.Clone()
	text := "d"
	next.put(domainKind, "acme", "acme", &DomainRecord{Owner: "111122223333"})
	next.put(repositoryKind, "acme", "team", &RepositoryRecord{Made: true, Description: &text, Upstreams: []string{"a"}, Linked: true})
	next.put(tagsKind, "acme", "", &TagsRecord{"k": "v"})
	remove, put, err := next.Changes(before)
	if err != nil || len(remove) != 0 || len(put) != 3 {
		t.Fatalf("%v %v %v", remove, put, err)
	}
	again, err := Load(put)
	if err != nil {
		t.Fatal(err)
	}
	r, created := find[RepositoryRecord](again, repositoryKind, "acme", "team")
	if !r.Made || *r.Description != "d" || !slices.Equal(r.Upstreams, []string{"a"}) || created.IsZero() {
		t.Errorf("%+v %v", r, created)
	}
	last := again.Clone()
	last.remove(tagsKind, "acme", "")
	if remove, put, _ := last.Changes(again); len(remove) != 1 || len(put) != 0 {
		t.Errorf("%v %v", remove, put)
	}
	if _, err := Load([]index.Object{{ObjectKey: index.ObjectKey{Kind: "unheard"}, Body: []byte("{}")}}); err == nil {
		t.Error("an object of a later program was passed over")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("CreateRepository", "domain=acme&repository=team", `{"upstreams":[{"repositoryName":"a"}],"tags":[]}`)
	f.Add("ListPackages", "domain=acme&repository=team&max-results=5", ``)
	f.Add("CopyPackageVersions", "domain=acme&format=npm", `{"versionRevisions":{"1":"x"}}`)
	f.Fuzz(func(t *testing.T, name, query, body string) {
		op := service().Operations[name]
		if op == nil {
			return
		}
		r := httptest.NewRequest(op.Method, op.Path, nil)
		r.URL.RawQuery = query
		v, err := service().decode(op, r, []byte(body), func(string) bool { return false })
		if err == nil {
			v.texts("versions")
			v.pairs("versionRevisions")
			return
		}
		if modelled(err).Type != "ValidationException" {
			t.Errorf("%v", err)
		}
	})
}
