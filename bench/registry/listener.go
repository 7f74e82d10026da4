package registry

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// T is what Start needs of a test.
type T interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// Listener is one address of a registry. A registry can have several: a second one plays the host of its files.
type Listener struct {
	URL string // "http://127.0.0.1:PORT", without a slash at the end

	handler http.Handler
	tls     *tls.Config
	mu      sync.Mutex
	server  *http.Server  // nil while down
	done    chan struct{} // closed when the server has let go of the port
	addr    string
}

// Start listens on a free port of 127.0.0.1 until the test ends.
func (r *Registry) Start(t T) *Listener {
	t.Helper()
	l, err := r.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Down)
	return l
}

// Listen listens on addr. Down ends it.
func (r *Registry) Listen(addr string) (*Listener, error) { return r.listen(addr, nil) }

// ListenTLS is Listen over TLS, with HTTP/2.
func (r *Registry) ListenTLS(addr string, c *tls.Config) (*Listener, error) {
	c = c.Clone()
	c.NextProtos = []string{"h2", "http/1.1"}
	return r.listen(addr, c)
}

func (r *Registry) listen(addr string, c *tls.Config) (*Listener, error) {
	l := &Listener{handler: r, addr: addr, tls: c}
	if err := l.Up(); err != nil {
		return nil, err
	}
	l.URL = "http://" + l.addr
	if c != nil {
		l.URL = "https://" + l.addr
	}
	return l, nil
}

// Host is the listener's address, as a Host header has it.
func (l *Listener) Host() string { return l.addr }

// Down closes the listener and its connections: from now on, connections are refused.
func (l *Listener) Down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		l.server.Close()
		<-l.done
		l.server = nil
	}
}

// Up listens again, on the same address. It does nothing if the listener is up.
func (l *Listener) Up() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return nil
	}
	nl, err := net.Listen("tcp", l.addr)
	if err != nil {
		return err
	}
	l.addr = nl.Addr().String()
	s := &http.Server{
		Handler:           l.handler,
		TLSConfig:         l.tls,
		ReadHeaderTimeout: time.Minute,
		// Connections that faults break are no news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	l.server, l.done = s, done
	go func() {
		defer close(done)
		// Both close nl when they return, which they do when the server is closed.
		if l.tls != nil {
			_ = s.ServeTLS(nl, "", "")
		} else {
			_ = s.Serve(nl)
		}
	}()
	return nil
}
