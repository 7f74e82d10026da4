package connection

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// newTransport returns the transport below everything: it dials past the guard, speaks HTTP/2 where the registry
// does, and leaves bodies as they are.
func (c *Connection) newTransport() *http.Transport {
	t := &http.Transport{
		Proxy:                  c.proxy,
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.o.ConnectTimeout,
		ResponseHeaderTimeout:  c.o.HeaderTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // an archive that is gunzipped on the way has another sum
		MaxIdleConnsPerHost:    c.o.Limit,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		// A peer that vanished shows on a shared h2 connection only by its silence.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}
	if c.o.TLS != nil {
		t.TLSClientConfig = c.o.TLS.Clone()
	}
	return t
}

func (c *Connection) proxy(r *http.Request) (*url.URL, error) {
	u, err := c.o.Proxy(r)
	if err == nil && u != nil {
		c.guard.via(u)
		err = c.guard.target(r.URL)
	}
	return u, err
}

func (c *Connection) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.o.Dial != nil {
		conn, err := c.o.Dial(ctx, network, address)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		return conn, nil
	}
	d := net.Dialer{Timeout: c.o.ConnectTimeout, Control: c.guard.control(address)}
	return d.DialContext(ctx, network, address)
}

// attempt sends a request once. The breaker has its word first, then the request waits for its turn; the turn lasts
// until the body's end.
func (c *Connection) attempt(r *http.Request) (*http.Response, error) {
	host := authority(r.URL)
	b := c.breakers.of(host)
	if after, err := b.check(); err != nil {
		return nil, c.fail(r, Open, after, err)
	}
	leave, err := c.turn(r)
	if err != nil {
		return nil, err
	}
	probing, after, err := b.enter(r.Context(), !withoutRetry(r.Context()))
	if err != nil {
		leave()
		if r.Context().Err() != nil {
			return nil, c.failure(r, err)
		}
		return nil, c.fail(r, Open, after, err)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	begun := time.Now()
	resp, err := c.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		leave()
		failure := c.failure(r, err)
		b.report(probing, failure.verdict(r.Context()), failure.Err)
		return nil, failure
	}
	c.counts.answered(time.Since(begun), resp.StatusCode)
	c.judge(b, probing, resp)
	resp.Body = c.newBody(ctx, cancel, leave, resp.Body)
	if _, err := resp.Location(); err != nil && !errors.Is(err, http.ErrNoLocation) {
		_ = resp.Body.Close() // net/http's client would fail with the whole header in its error
		return nil, c.fail(r, Refused, 0, errors.New("a redirect to what is no address"))
	}
	return resp, nil
}

// turn waits until fewer than Limit requests are under way.
func (c *Connection) turn(r *http.Request) (leave func(), err error) {
	c.counts.waiting.Add(1)
	defer c.counts.waiting.Add(-1)
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-r.Context().Done():
		return nil, c.fail(r, Limit, 0, fmt.Errorf("%d requests are under way: %w", c.o.Limit, context.Cause(r.Context())))
	}
}

// judge tells the breaker what a response means. A Retry-After that no retry will wait for closes the host until then.
func (c *Connection) judge(b *breaker, probing bool, resp *http.Response) {
	if !transient(resp.StatusCode) {
		b.report(probing, healthy, nil)
		return
	}
	err := fmt.Errorf("it answered %s", resp.Status)
	b.report(probing, failing, err)
	if after := retryAfter(resp); after > 0 && (after > c.o.RetryCap || withoutRetry(resp.Request.Context())) {
		b.hold(after, err)
	}
}

// transient reports whether another attempt may fare better.
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 520 && status <= 530 // CDNs' own words for an origin that fails
}

// retryAfter reads Retry-After, seconds or a date (RFC 9110, 10.2.3), of a 429 or 503; 0: none.
func retryAfter(resp *http.Response) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	v := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if s, err := strconv.ParseUint(v, 10, 32); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func (c *Connection) fail(r *http.Request, k Kind, after time.Duration, err error) *Error {
	c.counts.failed(k, err)
	return &Error{Connection: c.o.Name, Kind: k, Host: authority(r.URL), RetryAfter: after, Err: err}
}

// failure says what an error of the transport means.
func (c *Connection) failure(r *http.Request, err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if u, ok := errors.AsType[*url.Error](err); ok { // its text has the whole address in it
		err = u.Err
	}
	return c.fail(r, kindOf(r.Context(), err), 0, err)
}

func kindOf(ctx context.Context, err error) Kind {
	var no *refusal
	var op *net.OpError
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &no):
		return Refused
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Timeout
	case ctx.Err() != nil:
		return Canceled
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"), errors.As(err, &cert):
		return Dial
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Broken
}

// verdict says what the error tells the breaker. Whatever happens after the caller has given up tells nothing.
func (e *Error) verdict(ctx context.Context) verdict {
	switch {
	case ctx.Err() != nil:
		return unknown
	case e.Kind == Dial:
		return down
	case e.Kind == Timeout, e.Kind == Broken:
		return failing
	}
	return unknown
}
