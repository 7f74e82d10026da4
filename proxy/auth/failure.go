package auth

import (
	"fmt"
	"time"
)

// Failure is a credential that does not let in.
type Failure struct {
	Reason     string        // for the client; tells nothing about which part of the credential is wrong
	RetryAfter time.Duration // not 0: the address failed too often, and its credentials are not looked at until then
}

func (f *Failure) Error() string {
	if f.RetryAfter > 0 {
		return fmt.Sprintf("%s; again in %v", f.Reason, f.RetryAfter.Round(time.Second))
	}
	return f.Reason
}

// Status is the status to answer with: 401, or 429 with Retry-After.
func (f *Failure) Status() int {
	if f.RetryAfter > 0 {
		return 429
	}
	return 401
}

// Challenge is the WWW-Authenticate header that goes with a 401 (RFC 7617). Every client that can do better sends its
// token without being asked.
const Challenge = `Basic realm="entrepot", charset="UTF-8"`
