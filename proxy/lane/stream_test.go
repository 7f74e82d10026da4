package lane

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// FuzzStream gives the same bytes to a server with the lane and to one without. Both must answer the same requests in
// the same way: a request that only one of them sees would be a smuggled one.
func FuzzStream(f *testing.F) {
	for _, a := range []string{hit, miss, post, "HEAD /hit HTTP/1.1\r\nHost: h\r\n\r\n"} {
		for _, tt := range heads {
			f.Add([]byte(a+tt.head+hit+miss), 0)
			f.Add([]byte(tt.head+"hello"+a), 20)
		}
	}
	f.Add([]byte(hit+"0"), 0)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if len(b) > 1<<16 {
			return
		}
		with, without := stream(b, cut, true), stream(b, cut, false)
		if with != without {
			t.Errorf("to %q\nthe lane  %s\nwithout it %s", b, with, without)
		}
	})
}

// record is what a server saw, in order; the lane answers /hit for it.
type record struct {
	a    *Answer
	mu   sync.Mutex
	seen []string
}

func (s *record) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, fmt.Sprintf(format, args...))
}

func (s *record) Answer(r *Request) *Answer {
	if string(r.Target) == "/hit" {
		return s.a
	}
	return nil
}

func (s *record) Done(r *Request, _ *Answer, _ int, _ int64, _ time.Duration) {
	s.add("%s %q %q", r.Method, r.Target, "")
}

func (s *record) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Method == "HEAD" {
		r.Header.Del("Range") // which has a meaning for GET only
	}
	if w.Header().Set("Etag", `"one"`); r.RequestURI == "/hit" {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.a.Body))
	}
	s.add("%s %q %q", r.Method, r.RequestURI, body)
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] \d\d\d`)

// stream sends b in two parts, ends the sending side, and returns what was served and with which statuses.
func stream(b []byte, cut int, lane bool) string {
	near, far := net.Pipe()
	defer near.Close()
	p := newPipes()
	s := &record{a: NewAnswer(http.Header{"Etag": {`"one"`}}, int64(len(warm)))}
	s.a.Body = []byte(warm)
	var l net.Listener = p
	srv := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	if lane {
		l = Listen(p, Options{Answerer: s})
		srv.ConnState = Hook
	}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	p.conns <- &script{Conn: far, rest: b, cut: max(cut, 0)}
	out, _ := io.ReadAll(near)
	s.mu.Lock()
	defer s.mu.Unlock()
	status := statusLine.FindAllString(string(out), -1)
	if n := len(status); n > 0 && strings.HasSuffix(status[n-1], "400") {
		status = status[:n-1] // net/http does not say so where less than four bytes follow a request
	}
	return fmt.Sprintf("%q %q", s.seen, status)
}

// script is a connection whose client sends what is written in it, and then no more.
type script struct {
	net.Conn
	rest []byte
	cut  int // where the first packet ends
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := len(s.rest)
	if 0 < s.cut && s.cut < n {
		n = s.cut
	}
	n = copy(p, s.rest[:n])
	s.rest, s.cut = s.rest[n:], s.cut-n
	return n, nil
}
