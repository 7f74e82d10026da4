package proxy

import (
	"io"
	"maps"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"entrepot/proxy/forward"
	"entrepot/proxy/lane"
)

// The lane sees connections of HTTP/1.1 alone. For HTTP/2, which net/http has to read, warm answers save what comes after:
// parsing, authentication, policy and the index.

// serve answers a request from memory, and reports whether it did.
func (w *warm) serve(rw http.ResponseWriter, r *http.Request, going *forward.Visit) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !spelledOut(r) {
		return false
	}
	began := time.Now()
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	q := lane.Request{
		Method: r.Method, Target: []byte(r.RequestURI), Host: []byte(r.Host), TLS: r.TLS != nil, Remote: remote,
		Accept: field(r, "Accept"), AcceptEncoding: field(r, "Accept-Encoding"), Authorization: field(r, "Authorization"),
		CacheControl: field(r, "Cache-Control"), UserAgent: field(r, "User-Agent"),
	}
	a := w.answer(&q, going)
	if a == nil {
		return false
	}
	k := a.Tag.(*kept)
	var body io.ReadSeeker
	if k.Body != nil {
		body = io.NewSectionReader(bytesAt(k.Body), 0, k.Size)
	} else {
		f, err := k.Open()
		if err != nil {
			return false
		}
		defer f.Close()
		body = io.NewSectionReader(f, 0, k.Size)
	}
	h := rw.Header()
	maps.Copy(h, k.head)
	// As in engine.serve.
	if len(k.ETags) > 1 && matches(r.Header.Get("If-None-Match"), k.ETags[1]) {
		h.Set("Etag", k.ETags[1])
	}
	if h.Get("Content-Encoding") != "" && r.Header.Get("Range") == "" {
		h.Set("Content-Length", strconv.FormatInt(k.Size, 10))
	}
	out := &response{ResponseWriter: rw}
	http.ServeContent(out, r, "", time.Time{}, body)
	w.log(&q, k, out.status, out.sent, time.Since(began))
	return true
}

func field(r *http.Request, name string) []byte {
	if v := r.Header[name]; len(v) > 0 {
		return []byte(v[0])
	}
	return nil
}

// spelledOut reports whether the key of a warm answer spells out all of a request that an answer may depend on.
func spelledOut(r *http.Request) bool {
	for _, name := range []string{"Accept", "Accept-Encoding", "Authorization"} {
		if len(r.Header[name]) > 1 {
			return false
		}
	}
	for _, name := range unspelled {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	return true
}

// bytesAt reads a body in memory.
type bytesAt []byte

// ReadAt implements io.ReaderAt.
func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
