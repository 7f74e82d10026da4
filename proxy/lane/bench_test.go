package lane

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const typical = "GET /hit HTTP/1.1\r\nHost: 127.0.0.1:8470\r\nUser-Agent: npm/11.0.0 node/v24.0.0 linux x64 workspaces/false\r\n" +
	"Accept: */*\r\nAccept-Encoding: gzip,deflate\r\nNpm-In-Ci: true\r\nConnection: keep-alive\r\n\r\n"

type counting struct {
	a *Answer
	n atomic.Int64
}

func (c *counting) Answer(*Request) *Answer                                     { return c.a }
func (c *counting) Done(_ *Request, _ *Answer, _ int, n int64, _ time.Duration) { c.n.Add(n) }

// loop is a connection without a network: the same request again and again.
type loop struct {
	net.Conn
	left int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	l.left--
	return copy(p, typical), nil
}

func (l *loop) Write(p []byte) (int, error)      { return len(p), nil }
func (l *loop) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (l *loop) SetReadDeadline(time.Time) error  { return nil }
func (l *loop) SetWriteDeadline(time.Time) error { return nil }
func (l *loop) Close() error                     { return nil }

func answers(l *Listener, n int) {
	inner := &loop{left: n}
	c := l.admit(inner, inner)
	Hook(c, http.StateNew)
	_, _ = c.Read(make([]byte, headSize))
	_ = c.Close()
}

func TestHitAllocatesNothing(t *testing.T) {
	c := &counting{a: testAnswer(strings.Repeat("x", 3000))}
	l := Listen(newPipes(), Options{Answerer: c, IdleTimeout: time.Minute, WriteTimeout: time.Minute})
	perConn := testing.AllocsPerRun(10, func() { answers(l, 1) })
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	if n := testing.AllocsPerRun(10, func() { answers(l, 1000) }); n > perConn+2 { // a new second makes a new Date
		t.Errorf("%v allocations in 1000 requests, %v in one", n, perConn)
	}
	if c.n.Load() != 11*1001*3000 {
		t.Errorf("%d bytes answered", c.n.Load())
	}
}

func BenchmarkParse(b *testing.B) {
	var r Request
	head := []byte(typical)
	b.ReportAllocs()
	for b.Loop() {
		r = Request{}
		if _, _, v := parse(head, &r); v != simple {
			b.Fatal(v)
		}
	}
}

// BenchmarkNoNetwork is the lane without its system calls.
func BenchmarkNoNetwork(b *testing.B) {
	l := Listen(newPipes(), Options{Answerer: &counting{a: testAnswer(strings.Repeat("x", 3000))}, IdleTimeout: time.Minute, WriteTimeout: time.Minute})
	b.ReportAllocs()
	answers(l, b.N)
}

// BenchmarkLoopback includes the client, which is about as dear as the lane.
func BenchmarkLoopback(b *testing.B) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	a := testAnswer(strings.Repeat("x", 3000))
	l := Listen(inner, Options{Answerer: &counting{a: a}, IdleTimeout: time.Minute, WriteTimeout: time.Minute})
	srv := &http.Server{ConnState: Hook}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		size := len(a.Header) + len(l.clock.tail(time.Now(), false)) + len(a.Body)
		br, request := bufio.NewReaderSize(c, size), []byte(typical)
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if _, err := br.Discard(size); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	var r Request
	if _, _, v := parse([]byte(typical), &r); v != simple {
		b.Fatal(v)
	}
	for b.Loop() {
		if r.Get("Proxy-Authorization") != nil {
			b.Fatal("it has none")
		}
	}
}
