package lane

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// lines joins the lines of a head.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n\r\n" }

var heads = []struct {
	name string
	head string
	want verdict
}{
	{"plain", lines("GET /a?b=%2f HTTP/1.1", "Host: a.example:80"), simple},
	{"HEAD", lines("HEAD / HTTP/1.1", "Host: a"), simple},
	{"tabs and spaces around a value", lines("GET / HTTP/1.1", "Host: \t a \t"), simple},
	{"names in any case", lines("GET / HTTP/1.1", "hOST: a", "rAnGe: bytes=0-"), simple},
	{"unknown headers", lines("GET / HTTP/1.1", "Host: a", "X-A: 1", "X-A: 2", "Npm-Session: x"), simple},
	{"connection close", lines("GET / HTTP/1.1", "Host: a", "Connection: Close"), simple},
	{"connection keep-alive", lines("GET / HTTP/1.1", "Host: a", "Connection: keep-alive"), simple},
	{"empty value", lines("GET / HTTP/1.1", "Host: a", "Accept:"), simple},

	{"another method", lines("DELETE / HTTP/1.1", "Host: a"), framed},
	{"absolute form", lines("GET http://a/ HTTP/1.1", "Host: a"), framed},
	{"asterisk form", lines("OPTIONS * HTTP/1.1", "Host: a"), framed},
	{"two slashes", lines("GET //a HTTP/1.1", "Host: a"), framed},
	{"fragment", lines("GET /a#b HTTP/1.1", "Host: a"), framed},
	{"broken escape", lines("GET /%4 HTTP/1.1", "Host: a"), framed},
	{"no host", lines("GET / HTTP/1.1", "Accept: a"), framed},
	{"empty host", lines("GET / HTTP/1.1", "Host: "), framed},
	{"two hosts", lines("GET / HTTP/1.1", "Host: a", "Host: a"), framed},
	{"odd host", lines("GET / HTTP/1.1", "Host: a/b"), framed},
	{"two of a header that counts", lines("GET / HTTP/1.1", "Host: a", "Authorization: a", "Authorization: b"), framed},
	{"empty and another", lines("GET / HTTP/1.1", "Host: a", "Accept:", "Accept: b"), framed},
	{"other connection", lines("GET / HTTP/1.1", "Host: a", "Connection: close, x"), framed},
	{"two connections", lines("GET / HTTP/1.1", "Host: a", "Connection: close", "Connection: keep-alive"), framed},
	{"body", lines("GET / HTTP/1.1", "Host: a", "Content-Length: 7"), framed},
	{"empty body", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 0"), framed},
	{"preconditions", lines("GET / HTTP/1.1", "Host: a", `If-Match: "a"`), framed},
	{"te", lines("GET / HTTP/1.1", "Host: a", "TE: trailers"), framed},
	{"pragma", lines("GET / HTTP/1.1", "Host: a", "Pragma: no-cache"), framed},

	{"HTTP/1.0", lines("GET / HTTP/1.0", "Host: a"), opaque},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", opaque},
	{"no version", lines("GET /", "Host: a"), opaque},
	{"leading blank line", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", opaque},
	{"two spaces", lines("GET  / HTTP/1.1", "Host: a"), opaque},
	{"space in target", lines("GET /a b HTTP/1.1", "Host: a"), opaque},
	{"other bytes in target", lines("GET /\xc3\xa4 HTTP/1.1", "Host: a"), opaque},
	{"CONNECT", lines("CONNECT a:443 HTTP/1.1", "Host: a:443"), opaque},
	{"bare line feed in the first line", "GET / HTTP/1.1\nHost: a\r\n\r\n", opaque},
	{"bare line feed in a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", opaque},
	{"bare line feed at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", opaque},
	{"bare carriage return", lines("GET / HTTP/1.1", "Host: a\rX: b"), opaque},
	{"folded header", lines("GET / HTTP/1.1", "Host: a", " b"), opaque},
	{"space before the colon", lines("GET / HTTP/1.1", "Host: a", "Content-Length : 3"), opaque},
	{"space before the name", lines("GET / HTTP/1.1", " Host: a"), opaque},
	{"no colon", lines("GET / HTTP/1.1", "Host a"), opaque},
	{"no name", lines("GET / HTTP/1.1", ": a"), opaque},
	{"NUL", lines("GET / HTTP/1.1", "Host: a", "X: \x00"), opaque},
	{"transfer coding", lines("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), opaque},
	{"transfer coding and length", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"), opaque},
	{"two lengths", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 3"), opaque},
	{"signed length", lines("POST / HTTP/1.1", "Host: a", "Content-Length: +3"), opaque},
	{"list of lengths", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 3, 3"), opaque},
	{"empty length", lines("POST / HTTP/1.1", "Host: a", "Content-Length:"), opaque},
	{"huge length", lines("POST / HTTP/1.1", "Host: a", "Content-Length: 9999999999999999999"), opaque},
	{"upgrade", lines("GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: h2c"), opaque},
	{"expect", lines("PUT / HTTP/1.1", "Host: a", "Content-Length: 3", "Expect: 100-continue"), opaque},
	{"trailer", lines("GET / HTTP/1.1", "Host: a", "Trailer: X"), opaque},

	{"nothing", "", incomplete},
	{"part of the first line", "GET / HT", incomplete},
	{"no empty line", "GET / HTTP/1.1\r\nHost: a\r\n", incomplete},
	{"half an empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r", incomplete},
}

func TestParse(t *testing.T) {
	for _, tt := range heads {
		t.Run(tt.name, func(t *testing.T) {
			var r Request
			if _, _, got := parse([]byte(tt.head), &r); got != tt.want {
				t.Errorf("verdict %d of %q, want %d", got, tt.head, tt.want)
			}
			agree(t, []byte(tt.head))
		})
	}
}

func TestParseFields(t *testing.T) {
	head := lines("GET /x?y HTTP/1.1", "Host: h", "Accept: a", "Accept-Encoding: ae", "Authorization: au", "Cache-Control: cc",
		"If-None-Match: inm", "If-Modified-Since: ims", "Range: r", "If-Range: ir", "User-Agent: ua", "X-Forwarded-For:  1.2.3.4 ")
	var r Request
	n, body, v := parse([]byte(head+"rest"), &r)
	if n != len(head) || body != 0 || v != simple {
		t.Fatalf("parse gives %d, %d, %d", n, body, v)
	}
	got := []string{r.Method, string(r.Target), string(r.Host), string(r.Accept), string(r.AcceptEncoding), string(r.Authorization),
		string(r.CacheControl), string(r.IfNoneMatch), string(r.IfModifiedSince), string(r.Range), string(r.IfRange), string(r.UserAgent),
		string(r.Get("x-forwarded-for"))}
	if s := strings.Join(got, " "); s != "GET /x?y h a ae au cc inm ims r ir ua 1.2.3.4" {
		t.Errorf("fields are %q", s)
	}
	if r.Get("X-Other") != nil {
		t.Error("Get finds a header that is not there")
	}
}

// FuzzParse compares with net/http: what the lane answers or frames, net/http must read in the same way.
func FuzzParse(f *testing.F) {
	for _, tt := range heads {
		f.Add([]byte(tt.head))
		f.Add([]byte(tt.head + "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, b) })
}

func agree(t *testing.T, b []byte) {
	t.Helper()
	var r Request
	n, body, v := parse(b, &r)
	if v != simple && v != framed {
		return
	}
	if n <= 0 || n > len(b) || !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) {
		t.Fatalf("head of %d bytes of %q", n, b)
	}
	rest := bytes.NewReader(b)
	br := bufio.NewReader(rest)
	req, err := http.ReadRequest(br)
	if err != nil {
		if v == simple {
			t.Fatalf("net/http refuses %q: %v", b[:n], err)
		}
		return // it closes the connection
	}
	if used := len(b) - rest.Len() - br.Buffered(); used != n {
		t.Fatalf("net/http ends the head of %q at %d, the lane at %d", b, used, n)
	}
	if req.ContentLength != body || len(req.TransferEncoding) > 0 || len(req.Trailer) > 0 {
		t.Fatalf("net/http finds a body of %d (%v) in %q, the lane %d", req.ContentLength, req.TransferEncoding, b, body)
	}
	if v == framed {
		return
	}
	if got, _ := io.ReadAll(req.Body); len(got) > 0 || body != 0 {
		t.Fatalf("a body in %q", b)
	}
	same := func(what, want string, got []byte) {
		if want != string(got) {
			t.Errorf("%s is %q, net/http says %q", what, got, want)
		}
	}
	same("method", req.Method, []byte(r.Method))
	same("target", req.RequestURI, r.Target)
	same("host", req.Host, r.Host)
	for name, got := range map[string][]byte{"Accept": r.Accept, "Accept-Encoding": r.AcceptEncoding, "Authorization": r.Authorization,
		"Cache-Control": r.CacheControl, "If-None-Match": r.IfNoneMatch, "If-Modified-Since": r.IfModifiedSince,
		"Range": r.Range, "If-Range": r.IfRange, "User-Agent": r.UserAgent} {
		same(name, req.Header.Get(name), got)
		if len(req.Header[name]) > 1 {
			t.Errorf("%s twice in %q", name, b)
		}
	}
	for name := range req.Header {
		same(name, req.Header.Get(name), r.Get(name))
	}
	if r.Close != req.Close {
		t.Errorf("close is %v, net/http says %v", r.Close, req.Close)
	}
}
