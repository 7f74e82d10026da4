package lane

import (
	"bytes"
	"strconv"
)

// verdict is what parse makes of the bytes at the start of a request.
type verdict int

const (
	incomplete verdict = iota // the head is not all there
	simple                    // the lane may answer it
	framed                    // for net/http; where the request ends is beyond doubt
	opaque                    // for net/http, with all that follows on the connection
)

// parse reads a request head from b into r. n is its length, and body that of what follows it. It is strict where
// RFC 9112 lets a reader be lenient, since two readers that are lenient in different ways can be played against each
// other: everything that it does not take letter by letter is net/http's.
func parse(b []byte, r *Request) (n int, body int64, v verdict) {
	line, rest := cutLine(b)
	if line == nil {
		return 0, 0, incomplete
	}
	h := head{r: r, v: simple, body: -1}
	h.requestLine(line)
	fields := rest
	for h.v != opaque {
		if line, rest = cutLine(rest); line == nil {
			return 0, 0, incomplete
		}
		if len(line) == 2 && line[0] == '\r' {
			n = len(b) - len(rest)
			r.fields = fields[:len(fields)-len(rest)-2]
			if len(r.Host) == 0 || !all(r.Host, hostByte) {
				h.v = framed
			}
			return n, max(h.body, 0), h.v
		}
		h.field(line)
	}
	return 0, 0, opaque
}

// cutLine splits off the first line with its line feed; nil: there is no line feed.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n') + 1
	if i == 0 {
		return nil, b
	}
	return b[:i], b[i:]
}

type head struct {
	r          *Request
	v          verdict
	body       int64 // -1: no Content-Length
	connection bool
}

// atLeast makes the verdict stricter, never milder.
func (h *head) atLeast(v verdict) { h.v = max(h.v, v) }

func (h *head) requestLine(line []byte) {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, proto, ok := bytes.Cut(rest, []byte(" "))
	if !ok || string(proto) != "HTTP/1.1\r\n" || len(method) == 0 || !all(method, tokenByte) ||
		len(target) == 0 || !all(target, visibleByte) || string(method) == "CONNECT" {
		h.atLeast(opaque)
		return
	}
	switch string(method) {
	case "GET":
		h.r.Method = "GET"
	case "HEAD":
		h.r.Method = "HEAD"
	default:
		h.atLeast(framed)
	}
	if !plainTarget(target) {
		h.atLeast(framed)
	}
	h.r.Target = target
}

// plainTarget reports whether t is in origin form and means to every reader what it says.
func plainTarget(t []byte) bool {
	if t[0] != '/' || len(t) > 1 && t[1] == '/' {
		return false
	}
	for i, c := range t {
		if c == '#' || c == '%' && (i+2 >= len(t) || class[t[i+1]]&class[t[i+2]]&hexByte == 0) {
			return false
		}
	}
	return true
}

// field splits a header line, which ends in CRLF, and checks it letter by letter.
func field(line []byte) (key, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || len(line) < 2 || line[len(line)-2] != '\r' || !all(line[:i], tokenByte) {
		return nil, nil, false
	}
	value = line[i+1 : len(line)-2]
	if !all(value, valueByte) {
		return nil, nil, false
	}
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for len(value) > 0 && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
		value = value[:len(value)-1]
	}
	return line[:i], value, true
}

// is reports whether key is name, which is in lower case or its usual spelling.
func is(key []byte, name string) bool {
	return len(key) == len(name) && bytes.EqualFold(key, []byte(name))
}

func (h *head) field(line []byte) {
	key, value, ok := field(line)
	if !ok {
		h.atLeast(opaque)
		return
	}
	r := h.r
	switch len(key) { // comparing lengths first leaves one comparison for most headers
	case 2:
		h.passOn(key, "te")
	case 4:
		h.take(key, "host", &r.Host, value)
	case 5:
		h.take(key, "range", &r.Range, value)
	case 6:
		h.take(key, "accept", &r.Accept, value)
		h.giveUp(key, "expect")
		h.passOn(key, "pragma")
	case 7:
		h.giveUp(key, "upgrade")
		h.giveUp(key, "trailer")
	case 8:
		h.take(key, "if-range", &r.IfRange, value)
		h.passOn(key, "if-match")
	case 10:
		h.take(key, "user-agent", &r.UserAgent, value)
		if is(key, "connection") {
			h.keepAlive(value)
		}
	case 13:
		h.take(key, "authorization", &r.Authorization, value)
		h.take(key, "if-none-match", &r.IfNoneMatch, value)
		h.take(key, "cache-control", &r.CacheControl, value)
	case 14:
		if is(key, "content-length") {
			h.contentLength(value)
		}
	case 15:
		h.take(key, "accept-encoding", &r.AcceptEncoding, value)
	case 17:
		h.take(key, "if-modified-since", &r.IfModifiedSince, value)
		h.giveUp(key, "transfer-encoding")
	case 19:
		h.passOn(key, "if-unmodified-since")
	}
}

// take keeps a header's value. A second one of the same name is net/http's to combine or refuse.
func (h *head) take(key []byte, name string, to *[]byte, value []byte) {
	if !is(key, name) {
		return
	}
	if *to != nil {
		h.atLeast(framed)
	}
	*to = value
}

func (h *head) passOn(key []byte, name string) {
	if is(key, name) {
		h.atLeast(framed)
	}
}

func (h *head) giveUp(key []byte, name string) {
	if is(key, name) {
		h.atLeast(opaque)
	}
}

func (h *head) keepAlive(value []byte) {
	switch {
	case h.connection:
		h.atLeast(framed)
	case is(value, "close"):
		h.r.Close = true
	case !is(value, "keep-alive"):
		h.atLeast(framed)
	}
	h.connection = true
}

// contentLength takes one length of decimal digits, as RFC 9112 §6.3 demands; with a second the end is in doubt.
func (h *head) contentLength(value []byte) {
	if h.body >= 0 || len(value) == 0 || len(value) > 18 || !all(value, digitByte) {
		h.atLeast(opaque)
		return
	}
	h.body, _ = strconv.ParseInt(string(value), 10, 64)
	h.atLeast(framed)
}
