package connection

import (
	"fmt"
	"time"
)

// Kind says what stopped a request.
type Kind string

// The kinds of an Error.
const (
	Dial     Kind = "dial"     // no connection could be made: refused, unreachable, no such host, TLS
	Timeout  Kind = "timeout"  // the registry, or the caller's context, took too long
	Broken   Kind = "broken"   // the connection broke, or what came is not HTTP
	Canceled Kind = "canceled" // the caller gave up
	Refused  Kind = "refused"  // by the guard, or by a rule of redirects: nothing was sent
	Open     Kind = "open"     // by the breaker: nothing was sent
	Limit    Kind = "limit"    // the caller's context ended while it waited for its turn
	Loop     Kind = "loop"     // the request has been here before
	Status   Kind = "status"   // an answer that is no use (Resume)
)

// Error is what a Connection returns when there is no response.
type Error struct {
	Connection string        // its name
	Kind       Kind          // what happened
	Host       string        // host:port that was asked
	RetryAfter time.Duration // when to ask again; 0: unknown
	Err        error         // never has an address with a query in it, which may hold a signature
}

func (e *Error) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("%s (%s): %v; again in %v", e.Connection, e.Host, e.Err, e.RetryAfter.Round(time.Second))
	}
	return fmt.Sprintf("%s (%s): %v", e.Connection, e.Host, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the error is a time-out (net.Error).
func (e *Error) Timeout() bool { return e.Kind == Timeout }
