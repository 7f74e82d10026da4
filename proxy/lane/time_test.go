package lane

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without a network, for virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// served runs f against a server in virtual time.
func served(t *testing.T, s *site, o Options, f func(t *testing.T, p *pipes, srv *http.Server, l *Listener)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		o.Answerer = s
		l := Listen(p, o)
		srv := &http.Server{Handler: s, ConnState: Hook, IdleTimeout: o.IdleTimeout, ReadHeaderTimeout: o.HeaderTimeout}
		go func() { _ = srv.Serve(l) }()
		defer srv.Close()
		f(t, p, srv, l)
	})
}

// exchange sends a request and reads until the answer ends in want.
func exchange(t *testing.T, c net.Conn, request, want string) {
	t.Helper()
	(&client{t: t, Conn: c}).send(request)
	var got []byte
	for b := make([]byte, 1024); !endsWith(got, want); {
		n, err := c.Read(b)
		if got = append(got, b[:n]...); err != nil {
			t.Fatalf("%v after %q", err, got)
		}
	}
}

func endsWith(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }

// closesAfter measures when the server closes the connection.
func closesAfter(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("instead of the end: %q, %v", b, err)
	}
	return time.Since(start)
}

func TestIdleTimeout(t *testing.T) {
	o := Options{IdleTimeout: 160 * time.Second, HeaderTimeout: 10 * time.Second}
	served(t, newSite(), o, func(t *testing.T, p *pipes, _ *http.Server, _ *Listener) {
		if d := closesAfter(t, p.dial()); d != 10*time.Second {
			t.Errorf("a connection without a request closed after %v", d)
		}
		for name, last := range map[string][2]string{"hit": {hit, warm}, "miss": {miss, cold}} {
			c := p.dial()
			for range 5 {
				exchange(t, c, hit, warm)
				time.Sleep(8 * time.Second) // less than a 16th
				exchange(t, c, miss, cold)
				exchange(t, c, hit, warm)
				exchange(t, c, hit, warm)
				time.Sleep(149 * time.Second)
			}
			exchange(t, c, last[0], last[1])
			if d := closesAfter(t, c); d < 150*time.Second || d > 160*time.Second {
				t.Errorf("after a %s: closed after %v", name, d)
			}
		}
	})
}

func TestNoIdleTimeout(t *testing.T) {
	served(t, newSite(), Options{HeaderTimeout: time.Second}, func(t *testing.T, p *pipes, _ *http.Server, _ *Listener) {
		c := p.dial()
		for range 3 {
			exchange(t, c, hit, warm)
			time.Sleep(24 * time.Hour)
		}
	})
}

// A head that trickles in (slowloris) ends the connection in time, wherever on the connection it comes.
func TestHeaderTimeout(t *testing.T) {
	o := Options{IdleTimeout: time.Hour, HeaderTimeout: 10 * time.Second}
	served(t, newSite(), o, func(t *testing.T, p *pipes, _ *http.Server, _ *Listener) {
		for _, before := range [][2]string{{hit, warm}, {miss, cold}} {
			c := p.dial()
			exchange(t, c, before[0], before[1])
			time.Sleep(time.Minute)
			start := time.Now()
			for _, b := range []byte("GET /hit HTTP/1.1\r\n") {
				if _, err := c.Write([]byte{b}); err != nil {
					break
				}
				time.Sleep(time.Second)
			}
			if d := time.Since(start); d > 11*time.Second || d < 9*time.Second {
				t.Errorf("closed after %v", d)
			}
			c = p.dial()
			exchange(t, c, "GET /hit HT", "")
			time.Sleep(9 * time.Second)
			exchange(t, c, "TP/1.1\r\nHost: h\r\n\r\n", warm) // in time, and then idle again
			time.Sleep(time.Minute)
			exchange(t, c, hit, warm)
			exchange(t, c, "GET /hit HT", "")
			if d := closesAfter(t, c); d != 10*time.Second {
				t.Errorf("the second slow head ended after %v", d)
			}
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	s := newSite()
	large(t, s)
	o := Options{WriteTimeout: 16 * time.Second}
	served(t, s, o, func(t *testing.T, p *pipes, _ *http.Server, _ *Listener) {
		for path, parts := range map[string]int{"/hit": 0, "/copy": 3} {
			c := p.dial()
			cl := &client{t: t, Conn: c}
			cl.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
			for range parts { // each part a little later than the last: that goes on
				time.Sleep(13 * time.Second)
				if _, err := io.ReadFull(c, make([]byte, chunkSize)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(17 * time.Second)
			if n, err := c.Read(make([]byte, chunkSize)); err == nil {
				t.Errorf("%s: %d bytes after the time for them", path, n)
			}
		}
		c := p.dial() // a handler has as long as it likes
		exchange(t, c, hit, warm)
		s.served = func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Hour); echo(w, r) }
		exchange(t, c, miss, cold)
	})
}

func TestShutdown(t *testing.T) {
	s := newSite()
	large(t, s)
	served(t, s, Options{}, func(t *testing.T, p *pipes, srv *http.Server, l *Listener) {
		fresh, idle, mixed, under, stuck := p.dial(), p.dial(), p.dial(), p.dial(), p.dial()
		exchange(t, idle, hit, warm)
		exchange(t, mixed, miss, cold)
		exchange(t, under, hit, warm)
		for _, c := range []net.Conn{under, stuck} {
			(&client{t: t, Conn: c}).send("GET /copy HTTP/1.1\r\nHost: h\r\n\r\n")
		}
		synctest.Wait()
		start, down := time.Now(), make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := srv.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			down <- l.Drain(ctx)
		}()
		synctest.Wait()
		for name, c := range map[string]net.Conn{"fresh": fresh, "idle": idle, "mixed": mixed} {
			if d := closesAfter(t, c); d > time.Second {
				t.Errorf("%s connection closed after %v", name, d)
			}
		}
		time.Sleep(20 * time.Second)
		if b, err := io.ReadAll(under); err != nil || len(b) < 1<<20 {
			t.Errorf("the answer under way: %d bytes, %v", len(b), err)
		}
		if err := <-down; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("drained after %v: %v", time.Since(start), err)
		}
		if b, _ := io.ReadAll(stuck); len(b) > chunkSize {
			t.Errorf("%d bytes to a client that does not read", len(b))
		}
	})
}

func TestMaxConns(t *testing.T) {
	served(t, newSite(), Options{MaxConns: 2}, func(t *testing.T, p *pipes, srv *http.Server, _ *Listener) {
		a, b := p.dial(), p.dial()
		exchange(t, a, hit, warm)
		exchange(t, b, miss, cold)
		third := make(chan net.Conn)
		go func() { third <- p.dial() }()
		synctest.Wait()
		select {
		case <-third:
			t.Fatal("a third connection")
		default:
		}
		a.Close()
		exchange(t, <-third, hit, warm)
		go p.dial()
		synctest.Wait()
		_ = srv.Close() // ends the Accept that waits for room
		<-p.conns
	})
}
