package lane

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// certificate is the one of httptest, valid for example.com.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, pool
}

func TestTLS(t *testing.T) {
	config, pool := certificate(t)
	s := newSite()
	data := string(large(t, s))
	s.answers["/middle"] = testAnswer(data[:100_000])
	s.served = func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %v", r.Proto, r.TLS != nil && r.TLS.ServerName == "example.com")
	}
	_, l := start(t, s, nil, Options{TLS: config, WriteTimeout: time.Minute})
	for proto, onLane := range map[string]bool{"http/1.1": true, "h2": false} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com", NextProtos: []string{proto}}, ForceAttemptHTTP2: proto == "h2"}
		defer tr.CloseIdleConnections()
		get := func(path string) string {
			resp, err := (&http.Client{Transport: tr}).Get("https://" + l.Addr().String() + path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		for range 3 {
			if got := get("/miss"); !strings.HasPrefix(got, "HTTP/") || !strings.HasSuffix(got, " true") {
				t.Errorf("%s: the handler says %q", proto, got)
			}
			for path, want := range map[string]string{"/hit": warm, "/middle": data[:100_000], "/kernel": data} {
				if got := get(path); (got == want) != onLane {
					t.Errorf("%s: %d bytes of %s", proto, len(got), path)
				}
			}
		}
	}
}

// A client that does not shake hands keeps nobody else waiting, but counts as a connection until its time is up.
func TestStalledHandshake(t *testing.T) {
	config, pool := certificate(t)
	s := newSite()
	failed := make(chan error, 10)
	_, l := start(t, s, nil, Options{TLS: config, MaxConns: 2, HandshakeTimeout: 100 * time.Millisecond,
		HandshakeFailed: func(_ net.Conn, err error) { failed <- err }})
	stalled := dial(t, l)
	for range 2 {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		cl := &client{t: t, Conn: c}
		cl.send(strings.Replace(hit, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
		if b, err := io.ReadAll(c); err != nil || !endsWith(b, warm) {
			t.Errorf("beside a stalled handshake: %q, %v", b, err)
		}
		c.Close()
	}
	if b, err := io.ReadAll(stalled); len(b) > 0 {
		t.Errorf("the stalled client got %q, %v", b, err)
	}
	if err := <-failed; err == nil {
		t.Error("no error of the stalled handshake")
	}
	plain := dial(t, l)
	plain.send(hit)
	if b, _ := io.ReadAll(plain); !strings.Contains(string(b), "400 Bad Request") {
		t.Errorf("plain HTTP got %q", b)
	}
	<-failed
}
