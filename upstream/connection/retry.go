package connection

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// firstBackoff is the longest wait before the first retry; each later one may be twice as long.
const firstBackoff = 250 * time.Millisecond

type noRetry struct{}

// WithoutRetry marks a context whose requests fail at the first failure and wait for no probe: for a caller that holds
// a stale copy.
func WithoutRetry(ctx context.Context) context.Context {
	return context.WithValue(ctx, noRetry{}, true)
}

func withoutRetry(ctx context.Context) bool { return ctx.Value(noRetry{}) != nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newRetry returns the client that repeats GET and HEAD. Its transport is a plain function: the client would call
// CloseIdleConnections of anything that has it after each failure, and so cost the healthy requests their connections.
func (c *Connection) newRetry() *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     roundTrip(c.attempt),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     max(0, c.o.Retries),
		CheckRetry:   c.again,
		Backoff:      c.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler, // the last 429 or 503 is the caller's to judge
		RequestLogHook: func(_ retryablehttp.Logger, _ *http.Request, n int) {
			if n > 0 {
				c.counts.retries.Add(1)
			}
		},
	}
}

// again decides whether to repeat: after what another attempt may cure, unless the breaker has opened (judge opens it
// where a Retry-After is too long to wait for); the caller then gets what the registry said. Its error is always nil,
// for otherwise the client returns a response and an error at once.
func (c *Connection) again(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil || withoutRetry(ctx) {
		return false, nil
	}
	host, curable := "", false
	if e, ok := errors.AsType[*Error](err); ok {
		host, curable = e.Host, e.Kind == Timeout || e.Kind == Broken
	} else if err == nil {
		host, curable = authority(resp.Request.URL), transient(resp.StatusCode)
	}
	if !curable {
		return false, nil
	}
	_, open := c.breakers.of(host).check()
	return open == nil, nil
}

// backoff is what the registry asked for, else full jitter: a random part of an exponentially growing wait.
func (c *Connection) backoff(_, _ time.Duration, n int, resp *http.Response) time.Duration {
	jitter := rand.N(min(firstBackoff<<min(n, 16), c.o.RetryCap)) + 1
	if resp != nil {
		if after := retryAfter(resp); after > 0 {
			return after + min(jitter, after/10) // so that not all come at once
		}
	}
	return jitter
}
