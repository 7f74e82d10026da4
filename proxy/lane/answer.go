package lane

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

// NewAnswer makes the heads of an answer from the header of its 200, for a body of size bytes. ETags and LastModified
// are those of h. The caller sets Body or Open.
func NewAnswer(h http.Header, size int64) *Answer {
	a := &Answer{Size: size, LastModified: h.Get("Last-Modified")}
	if tag := h.Get("ETag"); tag != "" {
		a.ETags = []string{tag}
	}
	full := maps.Clone(h)
	full.Set("Content-Length", strconv.FormatInt(size, 10))
	a.Header = encodeHead(http.StatusOK, full, ofConnection)
	a.Partial = encodeHead(http.StatusPartialContent, h, ofLength)
	a.NotModified = encodeHead(http.StatusNotModified, h, ofContent)
	return a
}

// Headers that stay out of a head: the lane writes them itself, or the status has none.
var (
	ofConnection = map[string]bool{"Date": true, "Connection": true, "Keep-Alive": true, "Transfer-Encoding": true}
	ofLength     = with(ofConnection, "Content-Length", "Content-Range")
	// RFC 9110 §15.4.5: a 304 has no metadata of the representation beyond its validators.
	ofContent = with(ofLength, "Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Accept-Ranges")
)

func with(m map[string]bool, names ...string) map[string]bool {
	m = maps.Clone(m)
	for _, n := range names {
		m[n] = true
	}
	return m
}

func encodeHead(status int, h http.Header, without map[string]bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = h.WriteSubset(&b, without) // a buffer takes everything
	return b.Bytes()
}
