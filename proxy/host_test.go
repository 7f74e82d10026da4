package proxy_test

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"entrepot/bench/registry"
	"entrepot/proxy"
	"entrepot/proxy/auth"
)

// TestHosts: which names we go by, what clients are told to be our address, and whose word on it counts.
func TestHosts(t *testing.T) {
	public, err := url.Parse("https://packages.example")
	if err != nil {
		t.Fatal(err)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	forwarded := map[string]string{"X-Forwarded-Host": "proxy.example", "X-Forwarded-Proto": "https"}
	for _, tt := range []struct {
		name   string
		change func(*proxy.Site)
		host   string
		header map[string]string
		status int
		base   string
	}{
		{"loopback", nil, "127.0.0.1:99", nil, http.StatusOK, "http://127.0.0.1:99"},
		{"localhost", nil, "localhost", nil, http.StatusOK, "http://localhost"},
		{"somebody else's name", nil, "rebound.example", nil, http.StatusMisdirectedRequest, ""},
		{"a name that begins like ours", func(s *proxy.Site) { s.Hosts = []string{"packages.example"} }, "packages.example.evil.example", nil, http.StatusMisdirectedRequest, ""},
		{"a name of ours", func(s *proxy.Site) { s.Hosts = []string{"packages.example"} }, "packages.example", nil, http.StatusOK, "http://packages.example"},
		{"a name of ours in capitals", func(s *proxy.Site) { s.Hosts = []string{"packages.example"} }, "Packages.Example", nil, http.StatusOK, "http://Packages.Example"},
		{"a wild card", func(s *proxy.Site) { s.Hosts = []string{"*.packages.example"} }, "a.packages.example", nil, http.StatusOK, "http://a.packages.example"},
		{"the public address", func(s *proxy.Site) { s.PublicURL = public }, "packages.example", nil, http.StatusOK, "https://packages.example"},
		{"a stranger's word", nil, "127.0.0.1", forwarded, http.StatusOK, "http://127.0.0.1"},
		{"a trusted proxy's word", func(s *proxy.Site) { s.Trusted, s.Hosts = trusted, []string{"proxy.example"} }, "127.0.0.1", forwarded, http.StatusOK, "https://proxy.example"},
		{"a trusted proxy that passes on nonsense", func(s *proxy.Site) { s.Trusted = trusted }, "127.0.0.1", forwarded, http.StatusOK, "https://127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, setup{})
			s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
			if tt.change != nil {
				site := *s.server.Site()
				tt.change(&site)
				s.server.Swap(&site)
			}
			for range 2 {
				req := s.request(http.MethodGet, documentPath("main", "left-pad"), nil)
				req.Host = tt.host
				for k, v := range tt.header {
					req.Header.Set(k, v)
				}
				resp, err := client.Do(req)
				s.must(err)
				b, err := io.ReadAll(resp.Body)
				s.must(err)
				resp.Body.Close()
				if resp.StatusCode != tt.status || tt.base != "" && !strings.Contains(string(b), `"`+tt.base+`/npm/main/left-pad/-/`) {
					t.Errorf("%d %s", resp.StatusCode, b)
				}
			}
		})
	}
}

// TestForwardedFor: behind a trusted proxy, a client is not on loopback because the proxy is.
func TestForwardedFor(t *testing.T) {
	s := start(t, setup{access: auth.Access{}}) // anonymous clients read from loopback
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
	path := documentPath("main", "left-pad")
	from := []string{"X-Forwarded-For", "192.0.2.7"}
	s.ok(path, from...) // a stranger's word
	site := *s.server.Site()
	site.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s.server.Swap(&site)
	for range 3 {
		s.ok(path)
		s.fails(path, http.StatusUnauthorized, "refused", from...)
		s.fails(path, http.StatusUnauthorized, "refused", "X-Forwarded-For", "127.0.0.1, 192.0.2.7")
		s.fails(path, http.StatusUnauthorized, "refused", "X-Forwarded-For", "192.0.2.7, 127.0.0.1, 127.0.0.9")
	}
}

// TestLoop: two servers that have each other for a registry answer with one error.
func TestLoop(t *testing.T) {
	a := start(t, setup{})
	b := start(t, setup{connections: map[string]string{"public:npmjs": a.url + "npm/main/"}})
	a.setup.connections = map[string]string{"public:npmjs": b.url + "npm/main/"}
	a.reconfigure(mainRepos)
	for range 2 {
		r := a.get(documentPath("main", "left-pad"))
		if r.err != nil || r.status < 500 || r.header.Get("X-Entrepot-Error") != "upstream" {
			t.Errorf("%d %q %s, %v", r.status, r.header.Get("X-Entrepot-Error"), r.body, r.err)
		}
	}
}
