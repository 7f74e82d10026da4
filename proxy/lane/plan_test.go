package lane

import (
	"net/http"
	"strings"
	"testing"
)

func testAnswer(body string) *Answer {
	a := NewAnswer(http.Header{
		"Etag": {`"one"`}, "Last-Modified": {"Mon, 02 Nov 2026 10:00:00 GMT"}, "Content-Type": {"text/plain"},
		"X-Cache": {"hit"}, "Date": {"never"}, "Connection": {"never"},
	}, int64(len(body)))
	a.ETags = append(a.ETags, `W/"two"`)
	a.Body = []byte(body)
	return a
}

func TestNewAnswer(t *testing.T) {
	a := testAnswer("0123456789")
	for _, tt := range []struct{ got, want string }{
		{string(a.Header), "HTTP/1.1 200 OK|Content-Length: 10|Content-Type: text/plain|Etag: \"one\"|Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT|X-Cache: hit|"},
		{string(a.Partial), "HTTP/1.1 206 Partial Content|Content-Type: text/plain|Etag: \"one\"|Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT|X-Cache: hit|"},
		{string(a.NotModified), "HTTP/1.1 304 Not Modified|Etag: \"one\"|Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT|X-Cache: hit|"},
	} {
		if got := strings.ReplaceAll(tt.got, "\r\n", "|"); got != tt.want {
			t.Errorf("head\n%s, want\n%s", got, tt.want)
		}
	}
}

func TestDecide(t *testing.T) {
	a := testAnswer("0123456789")
	for _, tt := range []struct {
		name   string
		r      Request
		status int // 0: passed on
		off, n int64
	}{
		{"plain", Request{}, 200, 0, 10},
		{"HEAD", Request{Method: "HEAD"}, 200, 0, 0},
		{"HEAD with a range", Request{Method: "HEAD", Range: []byte("bytes=1-2")}, 200, 0, 0},

		{"tag", Request{IfNoneMatch: []byte(`"one"`)}, 304, 0, 0},
		{"other tag of the answer, weak", Request{IfNoneMatch: []byte(`"two"`)}, 304, 0, 0},
		{"weak tag in the request", Request{IfNoneMatch: []byte(`W/"one"`)}, 304, 0, 0},
		{"list", Request{IfNoneMatch: []byte(`"x,y" , W/"z",,"one"`)}, 304, 0, 0},
		{"any", Request{IfNoneMatch: []byte(`*`)}, 304, 0, 0},
		{"no match", Request{IfNoneMatch: []byte(`"three"`)}, 200, 0, 10},
		{"tag inside another", Request{IfNoneMatch: []byte(`"x,"one","`)}, 200, 0, 10},
		{"malformed tag", Request{IfNoneMatch: []byte(`one`)}, 200, 0, 10},
		{"open tag", Request{IfNoneMatch: []byte(`"one`)}, 200, 0, 10},
		{"empty list", Request{IfNoneMatch: []byte(``)}, 200, 0, 10},
		{"tag before date", Request{IfNoneMatch: []byte(`"x"`), IfModifiedSince: []byte(a.LastModified)}, 200, 0, 10},
		{"tag before range", Request{IfNoneMatch: []byte(`"one"`), Range: []byte("bytes=1-2")}, 304, 0, 0},
		{"date", Request{IfModifiedSince: []byte(a.LastModified)}, 304, 0, 0},
		{"other date", Request{IfModifiedSince: []byte("Mon, 02 Nov 2026 10:00:01 GMT")}, 0, 0, 0},

		{"first bytes", Request{Range: []byte("bytes=0-3")}, 206, 0, 4},
		{"one byte", Request{Range: []byte("bytes=9-9")}, 206, 9, 1},
		{"past the end", Request{Range: []byte("bytes=4-100")}, 206, 4, 6},
		{"from", Request{Range: []byte("bytes=4-")}, 206, 4, 6},
		{"last", Request{Range: []byte("bytes=-3")}, 206, 7, 3},
		{"last of more than there is", Request{Range: []byte("bytes=-30")}, 206, 0, 10},
		{"behind the end", Request{Range: []byte("bytes=10-")}, 416, 0, 0},
		{"last none", Request{Range: []byte("bytes=-0")}, 416, 0, 0},
		{"several", Request{Range: []byte("bytes=0-1,3-4")}, 0, 0, 0},
		{"backwards", Request{Range: []byte("bytes=4-3")}, 0, 0, 0},
		{"empty", Request{Range: []byte("bytes=-")}, 0, 0, 0},
		{"no dash", Request{Range: []byte("bytes=4")}, 0, 0, 0},
		{"other unit", Request{Range: []byte("lines=0-3")}, 0, 0, 0},
		{"too large a number", Request{Range: []byte("bytes=0-9999999999999999999")}, 0, 0, 0},

		{"range if current", Request{Range: []byte("bytes=0-3"), IfRange: []byte(`"one"`)}, 206, 0, 4},
		{"range if another", Request{Range: []byte("bytes=0-3"), IfRange: []byte(`"three"`)}, 200, 0, 10},
		{"range if weakly current", Request{Range: []byte("bytes=0-3"), IfRange: []byte(`W/"one"`)}, 200, 0, 10},
		{"range if a variant", Request{Range: []byte("bytes=0-3"), IfRange: []byte(`W/"two"`)}, 200, 0, 10},
		{"range if date", Request{Range: []byte("bytes=0-3"), IfRange: []byte(a.LastModified)}, 200, 0, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := decide(&tt.r, a)
			if ok != (tt.status != 0) {
				t.Fatalf("answered here: %v", ok)
			}
			if ok && (p.status != tt.status || p.off != tt.off || p.n != tt.n) {
				t.Errorf("status %d, bytes %d+%d, want %d, %d+%d", p.status, p.off, p.n, tt.status, tt.off, tt.n)
			}
		})
	}
}

func TestDecideWithout(t *testing.T) {
	a := &Answer{Header: []byte("x"), ETags: []string{`W/"one"`}, Size: 3}
	for _, r := range []Request{{IfNoneMatch: []byte(`"one"`)}, {Range: []byte("bytes=0-1")}} {
		if _, ok := decide(&r, a); ok {
			t.Errorf("answered %+v without a head for it", r)
		}
	}
	a.Partial = []byte("x")
	r := Request{Range: []byte("bytes=0-1"), IfRange: []byte(`W/"one"`)}
	if p, _ := decide(&r, a); p.status != 200 {
		t.Errorf("status %d for If-Range with a weak tag, want 200", p.status)
	}
}
