package lane

import (
	"bytes"
	"strconv"
	"strings"
)

// What net/http answers by itself to a request that it cannot read, in one write: the status with its text, then
// exactly these fields. Answers of handlers have at least a Date among theirs.
var (
	rejection       = []byte("HTTP/1.1 4")
	rejectionFields = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
)

// Write is net.Conn's. A rejection that passes is told, since no handler ever hears of such a request.
func (c *Conn) Write(p []byte) (int, error) {
	if tell := c.l.o.Rejected; tell != nil && bytes.HasPrefix(p, rejection) {
		line, _, ok := bytes.Cut(p, rejectionFields)
		code, reason, _ := strings.Cut(strings.TrimPrefix(string(line), "HTTP/1.1 "), " ")
		if status, err := strconv.Atoi(code); ok && err == nil && !strings.Contains(reason, "\n") {
			tell(c.req.Remote, status, reason)
		}
	}
	return c.Conn.Write(p)
}
