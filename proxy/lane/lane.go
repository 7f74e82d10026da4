// Package lane answers warm requests below net/http, on the connections of an ordinary http.Server.
//
// net/http costs some 12 µs a request more than a loop that reads a head and writes an answer. So a Listener hands the
// server connections (Conn) that look at each request first. Whenever net/http wants the bytes of its next request, the
// Conn reads and parses the head itself and asks the Answerer. If that knows the answer, it goes straight to the socket
// and net/http never hears of the request; otherwise net/http gets the very bytes and serves them as if nothing had
// happened. There is no goroutine beyond net/http's own, and nothing is allocated for a warm request.
//
// It guarantees:
//
//   - what it answers, net/http would have read in the same way: it takes only plain GET and HEAD requests of HTTP/1.1,
//     and passes on untouched whatever is unusual (see parse);
//   - a request is never smuggled: net/http is given exactly one request at a time, and where the end of one is not
//     beyond doubt (chunked bodies, upgrades, CONNECT, bare line feeds …) the lane is off for the rest of that connection;
//   - the time-outs of the server hold on the lane, and Shutdown ends its idle connections.
//
// The server must have Hook as its ConnState, and no ReadTimeout (it would count from the start of the connection; use
// ReadHeaderTimeout).
package lane

import (
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// Request is a request that the lane may answer. It and all its slices are valid during a call of the Answerer only.
// A nil slice is a header that the request does not have; a header that it has twice is never seen here.
type Request struct {
	Method string // GET or HEAD
	Target []byte // path and query as sent; starts with "/", escapes are well-formed

	Host            []byte // never empty
	Accept          []byte
	AcceptEncoding  []byte
	Authorization   []byte
	CacheControl    []byte
	IfNoneMatch     []byte
	IfModifiedSince []byte
	Range           []byte
	IfRange         []byte
	UserAgent       []byte

	Close  bool           // the connection ends with this request
	TLS    bool           // it came over TLS
	Remote netip.AddrPort // the peer; invalid if it has no IP address
	Conn   net.Conn       // as the inner listener accepted it

	fields []byte // the header lines
}

// Answer is a finished answer. It is immutable, and may be given any number of times at once. NewAnswer makes one.
type Answer struct {
	// Header is the head of a 200 with its Content-Length, without Date, Connection and the empty line.
	Header []byte
	// NotModified is the same for a 304; nil: conditional requests are passed on.
	NotModified []byte
	// Partial is the same for a 206, without Content-Range and Content-Length; nil: ranges are passed on.
	Partial []byte

	ETags        []string // any of them in If-None-Match gives 304; If-Range must be the first, and strong
	LastModified string   // value of that header, if the answer has it

	Body []byte               // all of it, if it is in memory
	Size int64                // of the body, in bytes
	Open func() (File, error) // the body if Body is nil; an error passes the request on

	Tag any // the Answerer's own
}

// File is an open body. If it has a method OS() *os.File, the bytes are sent from that file by the kernel, where it can.
type File interface {
	io.ReaderAt
	io.Closer
}

type osFile interface{ OS() *os.File }

// Answerer knows the answers of warm requests. It is called from many connections at once.
type Answerer interface {
	// Answer returns nil for what net/http shall serve. It must not block. A request may be passed on even after it
	// was answered here, so only Done may count it.
	Answer(*Request) *Answer
	// Done reports an answer that was given: its status, how many bytes of its body went out (less than promised if
	// the client left), and how long that took from the request's last byte on.
	Done(r *Request, a *Answer, status int, sent int64, took time.Duration)
}

// Get returns the value of a header that has no field, nil if there is none. Of several it returns the first.
func (r *Request) Get(name string) []byte {
	for rest := r.fields; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		if len(line) <= len(name) || line[len(name)] != ':' || !is(line[:len(name)], name) {
			continue // reading every line again took as long as the request's own parsing
		}
		if _, value, ok := field(line); ok {
			return value
		}
	}
	return nil
}
