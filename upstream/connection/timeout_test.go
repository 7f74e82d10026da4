package connection

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A registry that takes the request and says nothing.
func TestHeaderTimeout(t *testing.T) {
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer s.Close()
	defer close(end)
	c := dial(t, s.URL, func(o *Options) { o.HeaderTimeout = time.Millisecond })
	_, err := get(WithoutRetry(t.Context()), c, "a")
	e := wantKind(t, err, Timeout)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() || e.Connection != "public:test" {
		t.Errorf("error %#v", e)
	}
	idle(t, c)
}

// A certificate that nobody vouches for is as good as no registry, and no retry makes it better.
func TestUntrustedCertificate(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	s.Config.ErrorLog = nil
	c := dial(t, s.URL, nil)
	_, err := get(t.Context(), c, "a")
	wantKind(t, err, Dial)
	if st := c.State(); st.Retries != 0 || st.Breaker != BreakerOpen {
		t.Errorf("state %+v", st)
	}
}

// What answers is no HTTP server.
func TestNotHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("220 mail\r\n"))
			_ = conn.Close()
		}
	}()
	c := dial(t, "http://"+l.Addr().String(), func(o *Options) { o.Retries = -1 })
	_, err = get(t.Context(), c, "a")
	wantKind(t, err, Broken)
	idle(t, c)
}
