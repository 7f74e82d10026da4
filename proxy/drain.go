package proxy

import (
	"io"
	"net/http"
	"time"
)

// A client that is still sending when it is refused may never read why: many read nothing before they have sent all,
// and see their connection reset. So what is left of a body of ordinary size is taken and thrown away first.
const (
	maxDrain  = 64 << 20        // npm refuses larger packages
	drainTime = 5 * time.Second // for who says that there is more and does not send it
)

// drain takes what is left of the request's body, within reason. Who asked first whether to send at all
// (Expect: 100-continue, RFC 9110 §10.1.1) is told at once.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.Header.Get("Expect") != "" {
		return
	}
	// A writer without deadlines belongs to a test.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, r.Body, maxDrain) // its error is the client's loss
}
