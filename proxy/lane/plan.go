package lane

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// plan is how a request is answered: with which head, and which part of the body.
type plan struct {
	status  int
	head    []byte
	off, n  int64 // of the body
	partial bool  // head still needs Content-Range and Content-Length
}

// decide evaluates preconditions and range in the order of RFC 9110 §13.2.2. ok is false for what net/http shall do.
func decide(r *Request, a *Answer) (p plan, ok bool) {
	switch {
	case r.IfNoneMatch != nil:
		if matches(r.IfNoneMatch, a.ETags) {
			return plan{status: http.StatusNotModified, head: a.NotModified}, a.NotModified != nil
		}
	case r.IfModifiedSince != nil && a.LastModified != "":
		// Clients send back what they were given; net/http compares dates.
		return plan{status: http.StatusNotModified, head: a.NotModified}, a.NotModified != nil && string(r.IfModifiedSince) == a.LastModified
	}
	p = plan{status: http.StatusOK, head: a.Header, n: a.Size}
	if r.Method == "HEAD" {
		p.n = 0
		return p, true
	}
	if r.Range == nil || r.IfRange != nil && !current(r.IfRange, a.ETags) {
		return p, true
	}
	if a.Partial == nil {
		return p, false
	}
	return partOf(r.Range, a)
}

// current reports whether an If-Range is the strong tag of what is there (RFC 9110 §13.1.5). A date never is: the lane
// does not know how strong it is, and may always send the whole.
func current(ifRange []byte, tags []string) bool {
	return len(tags) > 0 && strings.HasPrefix(tags[0], `"`) && string(ifRange) == tags[0]
}

// matches reports whether one of tags is in an If-None-Match list, by weak comparison (RFC 9110 §8.8.3.2). A list that
// is malformed matches as far as it can be read.
func matches(list []byte, tags []string) bool {
	if string(list) == "*" {
		return true
	}
	for {
		list = bytes.TrimLeft(list, " \t,")
		list = bytes.TrimPrefix(list, []byte("W/"))
		if len(list) < 2 || list[0] != '"' {
			return false
		}
		end := bytes.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		for _, t := range tags {
			if string(list[:end+2]) == strings.TrimPrefix(t, "W/") {
				return true
			}
		}
		list = list[end+2:]
	}
}

// partOf reads a single range: bytes=A-B, A- or -N (RFC 9110 §14.1.2). Several, and anything odd, are net/http's.
func partOf(header []byte, a *Answer) (p plan, ok bool) {
	spec, ok := bytes.CutPrefix(header, []byte("bytes="))
	if !ok || a.Size == 0 {
		return p, false
	}
	left, right, ok := bytes.Cut(spec, []byte("-"))
	from, okFrom := number(left)
	to, okTo := number(right)
	switch {
	case !ok || !okFrom || !okTo || from < 0 && to < 0 || from >= 0 && to >= 0 && to < from:
		return p, false
	case from < 0: // the last bytes
		from, to = max(a.Size-to, 0), a.Size-1
	case to < 0 || to >= a.Size:
		to = a.Size - 1
	}
	if from >= a.Size {
		return plan{status: http.StatusRequestedRangeNotSatisfiable, partial: true}, true
	}
	return plan{status: http.StatusPartialContent, head: a.Partial, off: from, n: to - from + 1, partial: true}, true
}

// number reads decimal digits; -1 if there are none.
func number(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return -1, true
	}
	if len(b) > 18 || !all(b, digitByte) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// appendRange completes the head of a 206 or 416.
func appendRange(b []byte, p *plan, size int64) []byte {
	if p.status == http.StatusRequestedRangeNotSatisfiable {
		b = append(b, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */"...)
	} else {
		b = append(b, p.head...)
		b = append(b, "Content-Range: bytes "...)
		b = strconv.AppendInt(b, p.off, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, p.off+p.n-1, 10)
		b = append(b, '/')
	}
	b = strconv.AppendInt(b, size, 10)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, p.n, 10)
	return append(b, "\r\n"...)
}
