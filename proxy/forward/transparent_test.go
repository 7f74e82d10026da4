package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// redirect makes a listener to which everything is redirected that was going to that address.
func (l *lab) redirect(there netip.AddrPort) net.Addr {
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- l.proxy.ServeRedirected(in, func(net.Conn) (netip.AddrPort, error) { return there, nil })
	}()
	l.t.Cleanup(func() {
		in.Close()
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	})
	return in.Addr()
}

// through is a client whose every connection ends up at an address.
func (l *lab) through(at net.Addr) *http.Client {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at.String())
		},
		TLSClientConfig: &tls.Config{RootCAs: l.roots}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
	return &http.Client{Transport: t}
}

func TestRedirectedRegistriesAreOpenedAndOthersSpliced(t *testing.T) {
	l := newLab(t, nil)
	elsewhere := l.elsewhere.Listener.Addr().(*net.TCPAddr).AddrPort()
	for _, c := range []struct {
		name, there, url, want string
	}{
		{"TLS", "192.0.2.1:443", "https://registry.example/a", "opened HTTP/2.0 /a of https://registry.example by <nil>"},
		{"HTTP", "192.0.2.1:80", "http://registry.example/a", "opened HTTP/1.1 /a of http://registry.example by <nil>"},
		{"another host", elsewhere.String(), "https://example.com/x", `elsewhere GET /x via "" as ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := l.redirect(netip.MustParseAddrPort(c.there))
			if status, body := l.get(l.through(at), c.url); status != 200 || body != c.want {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestRedirectedConnectionsThatAreRefused(t *testing.T) {
	l := newLab(t, nil)
	for name, c := range map[string]struct{ there, send string }{
		"to nowhere":        {"0.0.0.0:0", "GET / HTTP/1.1\r\nHost: registry.example\r\n\r\n"},
		"to link-local":     {"169.254.169.254:80", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"},
		"an oversized head": {"192.0.2.1:80", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHello+(4<<10))},
		"two hosts":         {"169.254.1.1:80", "GET / HTTP/1.1\r\nHost: registry.example\r\nHost: registry.example\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			there := netip.MustParseAddrPort(c.there)
			if name == "to nowhere" {
				there = netip.AddrPort{}
			}
			conn, err := net.Dial("tcp", l.redirect(there).String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, c.send)
			if b, _ := io.ReadAll(conn); len(b) > 0 {
				t.Errorf("%q", b)
			}
		})
	}
}

// recorded is the ClientHello of a client of this very Go.
func recorded(t testing.TB, name string) []byte {
	client, server := net.Pipe()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
	}()
	defer client.Close()
	h, head, err := readHello(server)
	if err != nil || !h.tls || h.name != name {
		t.Fatalf("%+v, %v", h, err)
	}
	return head
}

func TestHellosInPieces(t *testing.T) {
	whole := recorded(t, "registry.example")
	for n := range whole {
		if _, err := parseHello(whole[:n]); !errors.Is(err, errMore) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	// In two records, as some clients send what is long.
	body := whole[5:]
	var split []byte
	for _, part := range [][]byte{body[:7], body[7:]} {
		split = append(split, recordHandshake, 3, 1, byte(len(part)>>8), byte(len(part)))
		split = append(split, part...)
	}
	if h, err := parseHello(split); err != nil || h.name != "registry.example" {
		t.Errorf("%+v, %v", h, err)
	}
}

func FuzzParseHello(f *testing.F) {
	f.Add(recorded(f, "registry.example"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: registry.example\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		if err != nil && h != (hello{}) {
			t.Errorf("%+v with %v", h, err)
		}
	})
}
