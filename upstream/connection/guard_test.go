package connection

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestGuardPermit(t *testing.T) {
	g := guard{own: "registry.example:443", allow: prefixes("10.1.0.0/16", "fd12::/16", "169.254.0.0/16")}
	tests := []struct {
		ip         string
		configured bool
		want       bool
	}{
		{"8.8.8.8", false, true},
		{"2606:4700::1", false, true},
		{"127.0.0.1", false, false},
		{"127.0.0.1", true, true},
		{"127.8.9.1", false, false},
		{"0.0.0.0", false, false},
		{"0.0.0.0", true, true},
		{"10.0.0.1", false, false},
		{"10.0.0.1", true, true},
		{"10.1.2.3", false, true},
		{"172.16.0.1", false, false},
		{"172.31.255.255", false, false},
		{"172.32.0.1", false, true},
		{"192.168.1.1", false, false},
		{"100.64.0.1", false, false},
		{"100.128.0.1", false, true},
		{"198.18.0.1", false, false},
		{"240.0.0.1", false, false},
		{"::1", false, false},
		{"::1", true, true},
		{"::", false, false},
		{"fd00::1", false, false},
		{"fd12::1", false, true},
		{"fec0::1", false, false},
		{"::ffff:127.0.0.1", false, false},
		{"::ffff:8.8.8.8", false, true},
		{"::127.0.0.1", false, false},
		{"64:ff9b::7f00:1", false, false},
		{"64:ff9b::808:808", false, true},
		{"64:ff9b:1::1", false, false},
		{"2002:7f00:1::", false, false},
		{"2002:808:808::1", false, true},
		{"2001:0:4136:e378:8000:63bf:3fff:fdd2", false, false},
		// Never, not even configured or allowed.
		{"169.254.169.254", false, false},
		{"169.254.169.254", true, false},
		{"::ffff:169.254.169.254", true, false},
		{"64:ff9b::a9fe:a9fe", true, false},
		{"fe80::1", true, false},
		{"fe80::1%eth0", true, false},
		{"fd00:ec2::254", true, false},
		{"100.100.100.200", true, false},
		{"168.63.129.16", true, false},
		{"192.0.0.192", true, false},
		{"224.0.0.1", true, false},
		{"ff02::1", true, false},
		{"255.255.255.255", true, false},
	}
	for _, tt := range tests {
		err := g.permit(netip.MustParseAddr(tt.ip), tt.configured)
		if (err == nil) != tt.want {
			t.Errorf("permit(%s, configured %v) = %v, want allowed %v", tt.ip, tt.configured, err, tt.want)
		}
	}
}

// FuzzGuard checks that no spelling of a loopback or link-local address gets past.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint8(0))
	f.Add([]byte{169, 254, 169, 254}, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, form uint8) {
		if len(b) != 4 {
			return
		}
		v4 := netip.AddrFrom4([4]byte(b))
		var b16 [16]byte
		switch form % 4 {
		case 0:
			b16 = v4.As16()
		case 1:
			copy(b16[:], []byte{0, 0x64, 0xff, 0x9b})
			copy(b16[12:], b)
		case 2:
			b16[0], b16[1] = 0x20, 0x02
			copy(b16[2:], b)
		case 3:
			copy(b16[12:], b)
		}
		ip := netip.AddrFrom16(b16)
		if (v4.IsLoopback() || v4.IsPrivate() || v4.IsLinkLocalUnicast() || v4.IsMulticast()) && new(guard).permit(ip, false) == nil {
			t.Errorf("%s passes as %s", v4, ip)
		}
	})
}

// The configured host is on loopback here; another port of it is not configured.
func TestGuardStopsDocuments(t *testing.T) {
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the private host was asked") }))
	defer secret.Close()
	port := secret.URL[strings.LastIndexByte(secret.URL, ':'):]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secret.URL, http.StatusFound)
	}))
	defer s.Close()
	c := dial(t, s.URL, nil)
	for _, ref := range []string{
		secret.URL + "/a.tgz",           // a document points there
		"redirect",                      // a redirect does
		"http://localhost" + port,       // a name that resolves to it: what a rebinding name would do
		"http://[::ffff:7f00:1]" + port, // another spelling
		"http://169.254.169.254/latest/meta-data/",
	} {
		_, err := get(t.Context(), c, ref)
		wantKind(t, err, Refused)
	}
	if st := c.State(); st.Breaker != BreakerClosed {
		t.Errorf("a document closed the registry: %+v", st)
	}
	idle(t, c)
}

func TestGuardAllows(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("file")) }))
	defer files.Close()
	s := httptest.NewServer(http.RedirectHandler(files.URL+"/a.tgz", http.StatusFound))
	defer s.Close()
	c := dial(t, s.URL, func(o *Options) { o.Allow = prefixes("127.0.0.0/8") })
	resp, err := get(t.Context(), c, "a.tgz")
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got != "file" || resp.Request.URL.String() != files.URL+"/a.tgz" {
		t.Errorf("%q from %s", got, resp.Request.URL)
	}
}

// A proxy resolves names itself, so what the address says is all that can be judged; the proxy is configured.
func TestGuardBehindProxy(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.String()) }))
	defer proxy.Close()
	to, _ := url.Parse(proxy.URL)
	c := dial(t, "http://registry.example/", func(o *Options) { o.Proxy = http.ProxyURL(to) })
	for ref, ok := range map[string]bool{
		"express": true, "http://files.example/a": true,
		"http://127.0.0.1:1/": false, "http://localhost:1/": false, "http://x.localhost./": false, "http://169.254.169.254/": false,
	} {
		resp, err := get(t.Context(), c, ref)
		if (err == nil) != ok {
			t.Errorf("%s: %v, want allowed %v", ref, err, ok)
		}
		if err == nil {
			read(t, resp)
		} else {
			wantKind(t, err, Refused)
		}
	}
	if len(asked) != 2 {
		t.Errorf("the proxy was asked for %v", asked)
	}
}
