package lane

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// site is an Answerer of some paths, in front of a handler that says what it was asked.
type site struct {
	answers map[string]*Answer
	served  func(http.ResponseWriter, *http.Request) // nil: echo

	mu   sync.Mutex
	done []string
}

func (s *site) Answer(r *Request) *Answer {
	if string(r.Target) == "/panic" {
		panic(http.ErrAbortHandler)
	}
	return s.answers[string(r.Target)]
}

func (s *site) Done(r *Request, _ *Answer, status int, sent int64, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, fmt.Sprintf("%s %s %d %d", r.Method, r.Target, status, sent))
}

func (s *site) lane() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.done, "|")
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.served != nil {
		s.served(w, r)
		return
	}
	echo(w, r)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "net/http %s %s %s", r.Method, r.RequestURI, body)
}

func newSite() *site {
	return &site{answers: map[string]*Answer{"/hit": testAnswer("warm body")}}
}

// start serves s on a connection of loopback TCP, or of whatever inner accepts.
func start(t *testing.T, s *site, inner net.Listener, o Options) (*http.Server, *Listener) {
	t.Helper()
	if inner == nil {
		var err error
		if inner, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	o.Answerer = s
	l := Listen(inner, o)
	srv := &http.Server{Handler: s, ConnState: Hook, IdleTimeout: o.IdleTimeout, ReadHeaderTimeout: o.HeaderTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = l.Drain(ctx)
		<-served
	})
	return srv, l
}

// client speaks HTTP letter by letter.
type client struct {
	t *testing.T
	net.Conn
	br *bufio.Reader
}

func dial(t *testing.T, l net.Listener) *client {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// get reads a response, and returns its status and body.
func (c *client) get(method string) (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(b)
}

func (c *client) expect(method string, status int, body string) *http.Response {
	c.t.Helper()
	resp, got := c.get(method)
	if resp.StatusCode != status || got != body {
		c.t.Fatalf("answer %d %q, want %d %q", resp.StatusCode, got, status, body)
	}
	return resp
}

// finish waits until the server is through with the connection; what it did is on record then.
func (c *client) finish() {
	c.t.Helper()
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(c.br); err != nil || len(b) > 0 {
		c.t.Fatalf("instead of the end: %q, %v", b, err)
	}
}

const (
	hit  = "GET /hit HTTP/1.1\r\nHost: h\r\n\r\n"
	miss = "GET /miss HTTP/1.1\r\nHost: h\r\n\r\n"
	post = "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
	warm = "warm body"
	cold = "net/http GET /miss "
	took = "net/http POST /up hello"
)

func TestLaneAndServerTakeTurns(t *testing.T) {
	s := newSite()
	_, l := start(t, s, nil, Options{})
	c := dial(t, l)
	for range 3 {
		c.send(hit)
		resp := c.expect("GET", 200, warm)
		if resp.Header.Get("Date") == "" || resp.Header.Get("X-Cache") != "hit" || resp.Close {
			t.Errorf("header of a hit: %v", resp.Header)
		}
		c.send(miss)
		c.expect("GET", 200, cold)
		c.send(post)
		c.expect("POST", 200, took)
		c.send(hit)
		c.expect("GET", 200, warm)
		c.send("HEAD /hit HTTP/1.1\r\nHost: h\r\n\r\n")
		if resp := c.expect("HEAD", 200, ""); resp.ContentLength != 9 {
			t.Errorf("HEAD promises %d bytes", resp.ContentLength)
		}
		c.send("GET /hit HTTP/1.1\r\nHost: h\r\nRange: bytes=5-6\r\n\r\n")
		if resp := c.expect("GET", 206, "bo"); resp.Header.Get("Content-Range") != "bytes 5-6/9" {
			t.Errorf("header of a range: %v", resp.Header)
		}
		c.send("GET /hit HTTP/1.1\r\nHost: h\r\nRange: bytes=9-\r\n\r\n")
		if resp := c.expect("GET", 416, ""); resp.Header.Get("Content-Range") != "bytes */9" {
			t.Errorf("header of a range behind the end: %v", resp.Header)
		}
		c.send("GET /hit HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"one\"\r\n\r\n")
		c.expect("GET", 304, "")
	}
	c.finish()
	once := "GET /hit 200 9|GET /hit 200 9|HEAD /hit 200 0|GET /hit 206 2|GET /hit 416 0|GET /hit 304 0"
	if got := s.lane(); got != strings.Join([]string{once, once, once}, "|") {
		t.Errorf("the lane did %s", got)
	}
}

// Whatever way requests arrive in, each is answered once, in order, and the lane stays on.
func TestPipelined(t *testing.T) {
	all := hit + miss + hit + post + hit + hit + post + miss + hit
	want := []string{warm, cold, warm, took, warm, warm, took, cold, warm}
	for _, size := range []int{1, 7, 100, len(all)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newSite()
			_, l := start(t, s, nil, Options{})
			c := dial(t, l)
			_ = c.Conn.(*net.TCPConn).SetNoDelay(true)
			go func() {
				for rest := all; rest != ""; {
					n := min(size, len(rest))
					_, _ = io.WriteString(c, rest[:n])
					rest = rest[n:]
				}
			}()
			for _, body := range want {
				c.expect("", 200, body)
			}
			c.finish()
			if got := strings.Count(s.lane(), "/hit"); got != 5 {
				t.Errorf("the lane answered %d of 5", got)
			}
		})
	}
}

// A request that comes while a handler runs meets net/http's background read.
func TestEarlyRequestStaysOnTheLane(t *testing.T) {
	s := newSite()
	entered, leave := make(chan bool), make(chan bool)
	s.served = func(w http.ResponseWriter, r *http.Request) {
		entered <- true
		<-leave
		if r.Context().Err() != nil {
			t.Error("the context of the request has ended")
		}
		echo(w, r)
	}
	_, l := start(t, s, nil, Options{})
	c := dial(t, l)
	c.send(miss)
	<-entered
	c.send(hit)
	leave <- true
	c.expect("GET", 200, cold)
	c.expect("GET", 200, warm)
	c.finish()
	if s.lane() != "GET /hit 200 9" {
		t.Errorf("the lane did %q", s.lane())
	}
}

func TestClientThatLeavesEndsTheContext(t *testing.T) {
	s := newSite()
	entered, ended := make(chan bool), make(chan bool)
	s.served = func(w http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
		close(ended)
	}
	_, l := start(t, s, nil, Options{})
	c := dial(t, l)
	c.send(hit + miss)
	<-entered
	c.Close()
	<-ended
}

func TestOffWhereFramingIsInDoubt(t *testing.T) {
	for _, odd := range []string{
		"POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"POST /up HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello",
		"POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
		"POST /up HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", headSize) + "\r\nContent-Length: 5\r\n\r\nhello",
	} {
		s := newSite()
		_, l := start(t, s, nil, Options{})
		c := dial(t, l)
		c.send(hit)
		c.expect("GET", 200, warm)
		c.send(odd + hit)
		resp, body := c.get("POST")
		if resp.StatusCode == 100 {
			resp, body = c.get("POST")
		}
		if body != took {
			t.Fatalf("answer %d %q to %q", resp.StatusCode, body, odd)
		}
		c.expect("GET", 200, "net/http GET /hit ")
		if s.lane() != "GET /hit 200 9" {
			t.Errorf("the lane did %q", s.lane())
		}
	}
}

func TestHijackGetsWhatWasRead(t *testing.T) {
	s := newSite()
	s.served = func(w http.ResponseWriter, r *http.Request) {
		nc, brw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		b := make([]byte, 5)
		_, err = io.ReadFull(brw, b)
		fmt.Fprintf(nc, "%s %v", b, err)
	}
	_, l := start(t, s, nil, Options{})
	for _, method := range []string{"GET / HTTP/1.1", "CONNECT a:1 HTTP/1.1"} {
		c := dial(t, l)
		c.send(method + "\r\nHost: a:1\r\n\r\nearly")
		if b, _ := io.ReadAll(c); string(b) != "early <nil>" {
			t.Errorf("after %s: %q", method, b)
		}
	}
}

func TestCloseAfterAnswer(t *testing.T) {
	s := newSite()
	_, l := start(t, s, nil, Options{})
	c := dial(t, l)
	c.send("GET /hit HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	if resp := c.expect("GET", 200, warm); !resp.Close {
		t.Error("no Connection: close")
	}
	if _, err := c.br.ReadByte(); err != io.EOF {
		t.Errorf("after the answer: %v", err)
	}
}

func TestPanicInAnswererClosesTheConnection(t *testing.T) {
	s := newSite()
	_, l := start(t, s, nil, Options{MaxConns: 1})
	c := dial(t, l)
	c.send("GET /panic HTTP/1.1\r\nHost: h\r\n\r\n")
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	c = dial(t, l) // there is room again
	c.send(hit)
	c.expect("GET", 200, warm)
}

type file struct {
	io.ReaderAt
	os     *os.File
	closed func()
}

func (f *file) OS() *os.File { return f.os }
func (f *file) Close() error { f.closed(); return nil }

// large adds answers from a shared file, by the kernel and by copying, and one whose file is too short.
func large(t *testing.T, s *site) []byte {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	name := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var open atomic.Int32
	t.Cleanup(func() { // every File is closed in the end
		for open.Load() != 0 {
			runtime.Gosched()
		}
	})
	add := func(path string, size int, file *file) {
		a := NewAnswer(http.Header{"Etag": {`"one"`}}, int64(size))
		a.Open = func() (File, error) { open.Add(1); c := *file; c.closed = func() { open.Add(-1) }; return &c, nil }
		s.answers[path] = a
	}
	add("/kernel", len(data), &file{ReaderAt: f, os: f})
	add("/copy", len(data), &file{ReaderAt: f})
	add("/kernel/short", len(data)+1, &file{ReaderAt: f, os: f})
	add("/copy/short", len(data)+1, &file{ReaderAt: f})
	s.answers["/gone"] = &Answer{Size: 1, Open: func() (File, error) { return nil, os.ErrNotExist }}
	return data
}

func TestLargeBodies(t *testing.T) {
	s := newSite()
	data := string(large(t, s))
	_, l := start(t, s, nil, Options{WriteTimeout: time.Minute})
	var clients sync.WaitGroup
	for range 8 { // all from one shared file
		clients.Add(1)
		c := dial(t, l)
		go func() {
			defer clients.Done()
			for _, path := range []string{"/kernel", "/copy"} {
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n\r\nGET %s HTTP/1.1\r\nHost: h\r\nRange: bytes=70000-200000\r\n\r\n", path, path)
				for _, want := range []string{data, data[70000:200001]} {
					resp, err := http.ReadResponse(c.br, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want {
						t.Errorf("%s: %d bytes, %v, want %d", path, len(got), err, len(want))
					}
				}
			}
		}()
	}
	clients.Wait()
	c := dial(t, l)
	c.send("GET /gone HTTP/1.1\r\nHost: h\r\n\r\n")
	c.expect("GET", 200, "net/http GET /gone ")
}

func TestInvariant4ShortFileNeverEndsCleanly(t *testing.T) {
	for _, path := range []string{"/kernel/short", "/copy/short"} {
		s := newSite()
		data := large(t, s)
		_, l := start(t, s, nil, Options{})
		c := dial(t, l)
		c.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" + hit)
		resp, err := http.ReadResponse(c.br, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) > len(data) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
}
