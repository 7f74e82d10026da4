package forward

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"entrepot/proxy/forward/authority"
)

// lab is a proxy with a client that trusts it, and a server elsewhere.
type lab struct {
	t         *testing.T
	proxy     *Proxy
	port      *httptest.Server // the proxy's
	elsewhere *httptest.Server // speaks TLS
	roots     *x509.CertPool
	mu        sync.Mutex
	rules     Rules
}

const secret = "secret"

func newLab(t *testing.T, change func(*Options)) *lab {
	ca, err := authority.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, roots: x509.NewCertPool(), rules: Rules{
		Clients: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Tunnel: true,
		Opens: func(t Target) bool { return t.Name == "registry.example" },
	}}
	l.roots.AddCert(ca.Roots()[0])
	l.elsewhere = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "elsewhere %s %s via %q as %q", r.Method, r.URL, r.Header.Get("Via"), r.Header.Get("Authorization"))
	}))
	t.Cleanup(l.elsewhere.Close)
	elsewhere := x509.NewCertPool()
	elsewhere.AddCert(l.elsewhere.Certificate())
	l.roots.AddCert(l.elsewhere.Certificate())
	o := Options{
		Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") }),
		Opened: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "opened %s %s of %s by %v", r.Proto, r.URL, VisitOf(r.Context()).To.Origin(), VisitOf(r.Context()).Who)
		}),
		Rules: func() *Rules { l.mu.Lock(); defer l.mu.Unlock(); r := l.rules; return &r }, Authority: ca, Via: "test",
		Permit: func(ip netip.Addr, private bool) error {
			if ip.IsLinkLocalUnicast() || !private && ip.IsPrivate() {
				return errors.New("not there")
			}
			return nil
		},
		Parent: func(*http.Request) (*url.URL, error) { return nil, nil }, Roots: &tls.Config{RootCAs: elsewhere},
		HeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, Log: zerolog.Nop(),
	}
	if change != nil {
		change(&o)
	}
	l.proxy = New(o)
	l.port = httptest.NewServer(l.proxy)
	t.Cleanup(func() {
		l.port.Close()
		if err := l.proxy.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) client(h2 bool) *http.Client {
	at, _ := url.Parse(l.port.URL)
	at.User = url.UserPassword("user", secret)
	t := &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: l.roots}, ForceAttemptHTTP2: h2}
	l.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

func (l *lab) get(c *http.Client, address string) (int, string) {
	l.t.Helper()
	resp, err := c.Get(address)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(b)
}

// dial opens a connection to the proxy and sends text.
func (l *lab) dial(text string) (net.Conn, *bufio.Reader) {
	l.t.Helper()
	c, err := net.Dial("tcp", l.port.Listener.Addr().String())
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		l.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func TestRegistriesAreOpenedAndOthersTunnelled(t *testing.T) {
	l := newLab(t, nil)
	_, port, _ := net.SplitHostPort(l.elsewhere.Listener.Addr().String())
	for _, c := range []struct {
		name, url, want string
		h2              bool
	}{
		{"HTTP/1.1", "https://registry.example/a?b", "opened HTTP/1.1 /a?b of https://registry.example by <nil>", false},
		{"HTTP/2", "https://registry.example/a", "opened HTTP/2.0 /a of https://registry.example by <nil>", true},
		{"another port", "https://registry.example:8443/a", "opened HTTP/1.1 /a of https://registry.example:8443 by <nil>", false},
		{"absolute form", "http://registry.example/a", "opened HTTP/1.1 /a of http://registry.example by <nil>", false},
		{"a tunnel", "https://127.0.0.1:" + port + "/x", `elsewhere GET /x via "" as ""`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := l.get(l.client(c.h2), c.url); status != 200 || body != c.want {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestOriginFormIsNotProxied(t *testing.T) {
	l := newLab(t, nil)
	if _, body := l.get(http.DefaultClient, l.port.URL+"/"); body != "here" {
		t.Error(body)
	}
}

func TestPlainHTTPInATunnelIsOpened(t *testing.T) {
	l := newLab(t, nil)
	_, r := l.dial("CONNECT registry.example:80 HTTP/1.1\r\nHost: registry.example:80\r\n\r\n" +
		"GET /early HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n") // with the CONNECT in one write
	all, err := io.ReadAll(r)
	if err != nil || !strings.Contains(string(all), "opened HTTP/1.1 /early of http://registry.example by") {
		t.Errorf("%q, %v", all, err)
	}
}

func TestAHostThatIsNotTheTargetIsMisdirected(t *testing.T) {
	l := newLab(t, nil)
	for _, h2 := range []bool{false, true} {
		r, _ := http.NewRequest("GET", "https://registry.example/a", nil)
		r.Host = "other.example"
		resp, err := l.client(h2).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("h2 %v: %s", h2, resp.Status)
		}
	}
}

func TestACertificateIsForTheTargetAlone(t *testing.T) {
	l := newLab(t, nil)
	c, r := l.dial("CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example:443\r\n\r\n")
	if resp, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"}); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	if err := tls.Client(c, &tls.Config{ServerName: "bank.example", RootCAs: l.roots}).Handshake(); err == nil {
		t.Error("a certificate for another host was made")
	}
}

func TestWhoMayNotUseTheProxyIsRefused(t *testing.T) {
	l := newLab(t, func(o *Options) {
		o.Authenticate = func(r *http.Request) (any, error) {
			if strings.HasSuffix(r.Header.Get("Proxy-Authorization"), "dXNlcjpzZWNyZXQ=") { // user:secret
				return "somebody", nil
			}
			return nil, errors.New("who are you?")
		}
	})
	if _, body := l.get(l.client(false), "https://registry.example/a"); !strings.HasSuffix(body, "by somebody") {
		t.Error(body)
	}
	for _, request := range []string{"CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example:443\r\n\r\n", "GET http://registry.example/ HTTP/1.1\r\nHost: registry.example\r\n\r\n"} {
		_, r := l.dial(request)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != http.StatusProxyAuthRequired || resp.Header.Get("Proxy-Authenticate") == "" {
			t.Errorf("%v, %v", resp, err)
		}
	}
	l.mu.Lock()
	l.rules.Clients = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	l.mu.Unlock()
	_, r := l.dial("CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example:443\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a client from elsewhere: %v, %v", resp, err)
	}
}

func TestItIsNoOpenRelay(t *testing.T) {
	l := newLab(t, nil)
	for _, target := range []string{"169.254.169.254:80", "[fe80::1]:443"} {
		_, r := l.dial("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %v, %v", target, resp, err)
		}
	}
	l.mu.Lock()
	l.rules.Tunnel = false
	l.mu.Unlock()
	_, r := l.dial("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("without tunnels: %v, %v", resp, err)
	}
	if reachable(netip.MustParseAddr("192.0.2.1"), 25) || !reachable(netip.MustParseAddr("127.0.0.1"), 25) {
		t.Error("who may reach which port")
	}
}

func TestAClientThatDoesNotTrustUsIsTunnelledTheNextTime(t *testing.T) {
	l := newLab(t, nil)
	host, port, _ := net.SplitHostPort(l.elsewhere.Listener.Addr().String())
	l.mu.Lock()
	l.rules.Opens = func(t Target) bool { return t.Name == host }
	l.mu.Unlock()
	at, _ := url.Parse(l.port.URL)
	only := x509.NewCertPool()
	only.AddCert(l.elsewhere.Certificate())
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: &tls.Config{RootCAs: only}, DisableKeepAlives: true}}
	if _, body := l.get(c, "https://"+host+":"+port+"/x"); !strings.Contains(body, "unknown authority") {
		t.Fatal(body)
	}
	l.proxy.handshakeFailed(&visitor{Visit: &Visit{To: Target{TLS: true, Name: host}, Client: netip.MustParseAddr("127.0.0.1")}}, errors.New("remote error: tls: bad certificate"))
	if _, body := l.get(c, "https://"+host+":"+port+"/x"); !strings.HasPrefix(body, "elsewhere") {
		t.Errorf("the next time: %s", body)
	}
	l.mu.Lock()
	l.rules.Ruled = func(Target) bool { return true }
	l.mu.Unlock()
	if _, body := l.get(c, "https://"+host+":"+port+"/x"); !strings.Contains(body, "Forbidden") {
		t.Errorf("where rules apply: %s", body)
	}
}

func TestPassingOnKeepsTheRequest(t *testing.T) {
	var l *lab
	l = newLab(t, func(o *Options) {
		o.Opened = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.proxy.PassOn(w, r) })
	})
	host, port, _ := net.SplitHostPort(l.elsewhere.Listener.Addr().String())
	l.mu.Lock()
	l.rules.Opens = func(t Target) bool { return t.Name == host }
	l.mu.Unlock()
	r, _ := http.NewRequest("DELETE", "https://"+host+":"+port+"/%2fa//b?c=%20", nil)
	r.Header.Set("Authorization", "Bearer x")
	resp, err := l.client(false).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if want := `elsewhere DELETE /%2fa//b?c=%20 via "1.1 test" as "Bearer x"`; string(b) != want {
		t.Errorf("%s", b)
	}
}

func TestInvariant11NoCredentialInTheClear(t *testing.T) {
	var l *lab
	l = newLab(t, func(o *Options) {
		o.Opened = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.proxy.PassOn(w, r) })
	})
	r, _ := http.NewRequest("GET", "http://registry.example/a", nil)
	r.Header.Set("Authorization", "Bearer x")
	resp, err := l.client(false).Do(r)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestUpgradedConnectionsAreCarried(t *testing.T) {
	echo := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(c, rw)
	}))
	defer echo.Close()
	pool := x509.NewCertPool()
	pool.AddCert(echo.Certificate())
	var l *lab
	l = newLab(t, func(o *Options) {
		o.Opened = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.proxy.PassOn(w, r) })
		o.Roots = &tls.Config{RootCAs: pool}
	})
	target := echo.Listener.Addr().String()
	l.mu.Lock()
	l.rules.Opens = func(t Target) bool { return t.Authority() == target }
	l.mu.Unlock()
	c, r := l.dial("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
	if _, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"}); err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(c, &tls.Config{ServerName: "127.0.0.1", RootCAs: l.roots})
	fmt.Fprintf(secure, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n", target)
	in := bufio.NewReader(secure)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	_, _ = io.WriteString(secure, "ping\n")
	if line, err := in.ReadString('\n'); err != nil || line != "ping\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestThroughAParent(t *testing.T) {
	inner := newLab(t, nil)
	outer := newLab(t, func(o *Options) {
		at, _ := url.Parse(inner.port.URL)
		o.Parent = func(*http.Request) (*url.URL, error) { return at, nil }
	})
	outer.roots.AddCert(inner.elsewhere.Certificate())
	if status, body := outer.get(outer.client(false), inner.elsewhere.URL+"/x"); status != 200 || !strings.HasPrefix(body, "elsewhere") {
		t.Errorf("%d %s", status, body)
	}
}

func TestTargets(t *testing.T) {
	for in, want := range map[string]string{
		"Registry.Example:443": "https://registry.example", "registry.example.:444": "https://registry.example:444",
		"[::1]:443": "https://[::1]", "[::ffff:127.0.0.1]:443": "https://127.0.0.1", "registry.example:0": "", "registry.example": "",
		":443": "", "a b:443": "", "a\x00:443": "", "user@registry.example:443": "", "registry.example:99999": "", "[::1:443": "", "a/b:443": "",
	} {
		got, err := parseTarget(in, true, false)
		if err != nil && want == "" {
			continue
		}
		if err != nil || got.Origin() != want {
			t.Errorf("%q: %q, %v; want %q", in, got.Origin(), err, want)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("registry.example:443", true)
	f.Add("[::1]", false)
	f.Fuzz(func(t *testing.T, s string, secure bool) {
		a, err := parseTarget(s, secure, true)
		if err != nil {
			return
		}
		b, err := ParseOrigin(a.Origin())
		if err != nil || a != b {
			t.Errorf("%q is %+v, and read again %+v, %v", s, a, b, err)
		}
	})
}
