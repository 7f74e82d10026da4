package connection

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestRedirects(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/hop/"))
		if n > 0 {
			w.Header().Set("Location", strconv.Itoa(n-1)+"#fragment") // relative
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path)
	}))
	defer s.Close()
	c := dial(t, s.URL, nil)
	resp, err := get(t.Context(), c, "hop/10")
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got != "GET /hop/0" || resp.Request.URL.String() != s.URL+"/hop/0" {
		t.Errorf("%q from %s", got, resp.Request.URL)
	}
	_, err = get(t.Context(), c, "hop/11")
	wantKind(t, err, Refused)
	r, _ := http.NewRequest(http.MethodPost, "hop/1", strings.NewReader("audit"))
	resp, err = c.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("a POST was redirected: %v, %v", resp, err)
	}
	read(t, resp)
	idle(t, c)
}

func TestRedirectsThatAreRefused(t *testing.T) {
	location := ""
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{location}
		w.WriteHeader(http.StatusFound)
	})
	s := httptest.NewTLSServer(h)
	defer s.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("plain http was asked") }))
	defer plain.Close()
	c := dial(t, s.URL, func(o *Options) { o.TLS, o.Allow = clientTLS(s), prefixes("127.0.0.0/8") })
	for _, location = range []string{plain.URL, "file:///etc/passwd", "https://", "http://[::1", "gopher://a/", "javascript:0"} {
		_, err := get(t.Context(), c, "x")
		wantKind(t, err, Refused)
	}
	_, err := get(t.Context(), c, plain.URL+"/a.tgz") // a document may not lead to plain http either
	wantKind(t, err, Refused)
	idle(t, c)
}

// Invariant 11: no credential crosses. The registry redirects to another origin; neither the connection's own
// credential nor the request's goes along, and the connection's goes to no other path.
func TestInvariant11NoCredentialCrosses(t *testing.T) {
	seen := make(map[string]http.Header)
	record := func(next string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen[r.Host+r.URL.Path] = r.Header
			if next != "" && r.URL.Path == "/npm/go" {
				http.Redirect(w, r, next, http.StatusFound)
			}
		}))
	}
	files := record("")
	defer files.Close()
	s := record(files.URL + "/npm/a.tgz")
	defer s.Close()
	host, other := strings.TrimPrefix(s.URL, "http://"), strings.TrimPrefix(files.URL, "http://")
	c := dial(t, s.URL+"/npm", func(o *Options) { o.Auth, o.Allow = Bearer("ours"), prefixes("127.0.0.0/8") })

	ask := func(ref string, headers ...string) {
		t.Helper()
		clear(seen)
		r, _ := http.NewRequest(http.MethodGet, ref, nil)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		read(t, resp)
		if got := resp.Request.Header.Get("Authorization"); got == "Bearer ours" {
			t.Error("the response gives the connection's credential away")
		}
	}
	want := func(at, header, value string) {
		t.Helper()
		if h, ok := seen[at]; !ok || h.Get(header) != value {
			t.Errorf("%s was sent %s %q (asked: %v), want %q", at, header, h.Get(header), ok, value)
		}
	}
	ask("go")
	want(host+"/npm/go", "Authorization", "Bearer ours")
	want(other+"/npm/a.tgz", "Authorization", "")
	ask("plain")
	want(host+"/npm/plain", "Authorization", "Bearer ours")
	ask("go", "Authorization", "Bearer theirs", "Cookie", "a=b", "X-NuGet-ApiKey", "k", "Accept", "x/y")
	want(host+"/npm/go", "Authorization", "Bearer theirs")
	want(host+"/npm/go", "Cookie", "a=b")
	want(other+"/npm/a.tgz", "Authorization", "")
	want(other+"/npm/a.tgz", "Cookie", "")
	want(other+"/npm/a.tgz", "X-NuGet-ApiKey", "")
	want(other+"/npm/a.tgz", "Accept", "x/y")
	ask("go", "Cookie", "a=b") // what a client's own credential obtains does not depend on ours
	want(host+"/npm/go", "Authorization", "")
	ask(files.URL + "/npm/x")
	want(other+"/npm/x", "Authorization", "")
	for _, ref := range []string{"/npmx", "/", "/other/npm/", "/npm/%2e%2e/other"} {
		ask(ref)
		for at, h := range seen {
			if h.Get("Authorization") != "" {
				t.Errorf("%s, asked as %s, was sent the credential", at, ref)
			}
		}
	}
}
