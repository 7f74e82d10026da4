package connection

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// dial returns a connection to a server on loopback, which is its configured host.
func dial(t *testing.T, base string, change func(*Options)) *Connection {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Name: "public:test", URL: u, Proxy: noProxy}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// scripted returns a connection whose transport is a function.
func scripted(t *testing.T, f roundTrip, change func(*Options)) *Connection {
	t.Helper()
	c := dial(t, "https://registry.example/npm/", change)
	c.transport = f
	return c
}

// reply returns a response of a scripted transport; headers are name, value, name, value …
func reply(r *http.Request, status int, body string, headers ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	for i := 0; i+1 < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

func get(ctx context.Context, c *Connection, ref string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ref, nil)
	if err != nil {
		return nil, err
	}
	return c.RoundTrip(r)
}

// read reads a response to its end and closes it.
func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantKind(t *testing.T, err error, k Kind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != k {
		t.Fatalf("error %v, want one of kind %q", err, k)
	}
	return e
}

func idle(t *testing.T, c *Connection) {
	t.Helper()
	if s := c.State(); s.InFlight != 0 || s.Waiting != 0 {
		t.Errorf("%d requests hold a place and %d wait after the end", s.InFlight, s.Waiting)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, base := range []string{
		"ftp://registry.example/", "https://", "/npm/", "https://user:secret@registry.example/", "https://registry.example/?q=1",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = New(Options{Name: "public:test", URL: u}); err == nil {
			t.Errorf("base %q is accepted", base)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("error gives the password away: %v", err)
		}
	}
	if _, err := New(Options{Name: "public:test"}); err == nil {
		t.Error("no base is accepted")
	}
}

func TestResolve(t *testing.T) {
	tests := []struct{ base, ref, want string }{
		{"https://registry.example", "express", "https://registry.example/express"},
		{"https://registry.example/npm", "@acme%2fui", "https://registry.example/npm/@acme%2fui"},
		{"https://registry.example/npm/", "-/v1/search?text=a%20b", "https://registry.example/npm/-/v1/search?text=a%20b"},
		{"https://registry.example/npm/", "", "https://registry.example/npm/"},
		{"https://registry.example/npm/", "/files/a.tgz", "https://registry.example/files/a.tgz"},
		{"https://registry.example/npm/", "https://files.example/a.tgz#x", "https://files.example/a.tgz"},
		{"https://registry.example/npm/", "https://u:p@files.example/a", "https://files.example/a"},
		{"https://registry.example/npm/", "http://registry.example/npm/a.tgz", "https://registry.example/npm/a.tgz"},
		{"https://registry.example:8443/", "http://registry.example/a", "https://registry.example:8443/a"},
		{"https://registry.example/", "http://registry.example:8080/a", "http://registry.example:8080/a"},
		{"https://registry.example/", "//files.example/a", "https://files.example/a"},
		{"https://registry.example/", "ftp://files.example/a", ""},
		{"https://registry.example/", "mailto:a@b", ""},
		{"https://registry.example/", "https:///a", ""},
		{"https://registry.example/", "a\nb", ""},
	}
	for _, tt := range tests {
		u, err := dial(t, tt.base, nil).Resolve(tt.ref)
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("Resolve(%q) = %v, want an error", tt.ref, u)
		case tt.want != "" && (err != nil || u.String() != tt.want):
			t.Errorf("Resolve(%q) = %v, %v, want %s", tt.ref, u, err, tt.want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	var seen *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header().Set("Content-Encoding", "gzip") // it is not, and nobody may look
		_, _ = io.WriteString(w, "bytes")
	}))
	defer s.Close()
	c := dial(t, s.URL+"/npm/", func(o *Options) { o.UserAgent, o.Via = "entrepot/1.2", "entrepot-1a2b" })
	r, _ := http.NewRequest(http.MethodGet, "@acme%2fui", nil)
	r.Header.Set("Proxy-Authorization", "Basic eDp5")
	r.Header.Set("Via", "1.1 office")
	resp, err := c.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got != "bytes" {
		t.Errorf("body %q", got)
	}
	if seen.RequestURI != "/npm/@acme%2fui" || seen.Host != c.Base().Host {
		t.Errorf("it was asked for %s of %s", seen.RequestURI, seen.Host)
	}
	if got := seen.Header.Get("User-Agent"); got != "entrepot/1.2" {
		t.Errorf("User-Agent %q", got)
	}
	if got := strings.Join(seen.Header.Values("Via"), ", "); got != "1.1 office, 1.1 entrepot-1a2b" {
		t.Errorf("Via %q", got)
	}
	if seen.Header.Get("Proxy-Authorization") != "" || seen.Header.Get("Accept-Encoding") != "" {
		t.Errorf("headers %v", seen.Header)
	}
	if r.URL.Host != "" || len(r.Header) != 2 {
		t.Errorf("the caller's request was changed: %v %v", r.URL, r.Header)
	}
	if st := c.State(); st.Requests != 1 || st.Responses[2] != 1 || st.Bytes != 5 || st.Breaker != BreakerClosed || st.Latency <= 0 {
		t.Errorf("state %+v", st)
	}
	idle(t, c)
}

func TestLoop(t *testing.T) {
	c := scripted(t, func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent")
		return nil, errors.New("sent")
	}, func(o *Options) { o.Via = "entrepot-1a2b" })
	r, _ := http.NewRequest(http.MethodGet, "express", nil)
	r.Header.Add("Via", "1.1 office, HTTP/1.1 Entrepot-1a2b (comment)")
	_, err := c.RoundTrip(r)
	wantKind(t, err, Loop)
	if Passed(http.Header{"Via": {"1.1 entrepot-1a2b-c, 1.1"}}, "entrepot-1a2b") {
		t.Error("another's pseudonym counts as ours")
	}
}

func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	c := dial(t, s.URL, func(o *Options) { o.TLS = clientTLS(s) })
	resp, err := get(t.Context(), c, "x")
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got != "HTTP/2.0" {
		t.Errorf("spoke %s", got)
	}
}

// An address can hold a signature in its query; errors reach logs and clients.
func TestErrorsHideQueries(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := dial(t, s.URL, nil)
	_, err := get(t.Context(), c, "a.tgz?signature=secret")
	wantKind(t, err, Dial)
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("@acme%2fui")
	f.Add("https://files.example/a.tgz")
	f.Add("http://registry.example/../x")
	base, _ := url.Parse("https://registry.example/npm/")
	c, err := New(Options{Name: "public:test", URL: base, Auth: Bearer("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		u, err := c.Resolve(ref)
		if err != nil {
			return
		}
		if u.User != nil || u.Fragment != "" || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			t.Errorf("Resolve(%q) = %q", ref, u)
		}
		if c.ours(u) && (u.Host != "registry.example" && u.Host != "registry.example:443" || !strings.HasPrefix(u.Path+"/", "/npm/")) {
			t.Errorf("the credential goes to %q", u)
		}
	})
}
