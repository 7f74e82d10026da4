package connection

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
)

// maxDrain is how much of an unwanted body is read so that its connection can be used again.
const maxDrain = 4 << 10

// RoundTrip sends a request, whose URL may be relative to the base. Redirects of GET and HEAD are followed, and the
// response's Request says where it came from in the end. Any status that the registry answers is a response, the last
// 429 or 5xx of several attempts too; everything else is an *Error. The caller closes the body soon: it holds one of
// Limit places.
func (c *Connection) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.roundTrip(r)
	if err != nil && r.Body != nil {
		_ = r.Body.Close() // as http.RoundTripper demands; closing twice is harmless
	}
	return resp, err
}

func (c *Connection) roundTrip(r *http.Request) (*http.Response, error) {
	u, err := c.resolve(r.URL)
	if err != nil {
		return nil, c.fail(r, Refused, 0, err)
	}
	r = r.Clone(r.Context())
	r.URL, r.Host, r.RequestURI = u, "", ""
	if err := c.prepare(r); err != nil {
		return nil, err
	}
	for hop := 0; ; hop++ {
		resp, err := c.send(r)
		if err != nil {
			return nil, err
		}
		next, err := c.redirected(r, resp)
		if err != nil {
			return nil, err
		}
		if next == nil {
			resp.Request = r // what was sent has the connection's credential in it
			return resp, nil
		}
		if hop == maxRedirects {
			return nil, c.fail(r, Refused, 0, fmt.Errorf("more than %d redirects", maxRedirects))
		}
		r = next
	}
}

// prepare sets the headers that every request has, and refuses a request that has been here before.
func (c *Connection) prepare(r *http.Request) error {
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Del("Proxy-Authorization") // is for us, whoever sent it
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", c.o.UserAgent)
	}
	if c.o.Via != "" {
		if Passed(r.Header, c.o.Via) {
			return c.fail(r, Loop, 0, errors.New("a loop: the request has passed through here before"))
		}
		r.Header.Add("Via", "1.1 "+c.o.Via)
	}
	if c.base.Scheme == "https" && r.URL.Scheme == "http" {
		return c.fail(r, Refused, 0, errors.New("a plain http address behind an https registry"))
	}
	return nil
}

// Passed reports whether a Via header names the pseudonym (RFC 9110, 7.6.3).
func Passed(h http.Header, pseudonym string) bool {
	for _, line := range h.Values("Via") {
		for via := range strings.SplitSeq(line, ",") {
			if f := strings.Fields(via); len(f) > 1 && strings.EqualFold(f[1], pseudonym) {
				return true
			}
		}
	}
	return false
}

// send sends the request to one place, with the connection's credential if that is its own.
func (c *Connection) send(r *http.Request) (*http.Response, error) {
	c.counts.requests.Add(1)
	sent := r.Clone(r.Context())
	if err := c.authorize(sent); err != nil {
		return nil, c.fail(r, Refused, 0, fmt.Errorf("credential: %w", err))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != "" {
		return c.attempt(sent) // a body is sent once; what it did, nobody knows
	}
	sent.Body, sent.GetBody, sent.ContentLength = nil, nil, 0
	repeatable, err := retryablehttp.FromRequest(sent)
	if err != nil {
		return nil, c.fail(r, Broken, 0, err)
	}
	resp, err := c.retry.Do(repeatable)
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return nil, c.failure(r, err)
	}
	return resp, nil
}

// redirected returns the request that follows a redirect; nil if the response is none. It consumes the response then.
func (c *Connection) redirected(r *http.Request, resp *http.Response) (*http.Request, error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	location := resp.Header.Get("Location")
	if location == "" || r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != "" {
		return nil, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
	to, err := r.URL.Parse(location)
	if err != nil {
		return nil, c.fail(r, Refused, 0, errors.New("a redirect to what is no address"))
	}
	if to.Scheme != "https" && (to.Scheme != "http" || r.URL.Scheme == "https") || to.Hostname() == "" {
		return nil, c.fail(r, Refused, 0, fmt.Errorf("a redirect to %s://%s", to.Scheme, to.Host))
	}
	return follow(r, to), nil
}

// follow returns r for another address. What proves who the client is stays at the origin that it was meant for.
func follow(r *http.Request, to *url.URL) *http.Request {
	next := r.Clone(r.Context())
	next.URL, next.Host = to, ""
	next.URL.User, next.URL.Fragment, next.URL.RawFragment = nil, "", ""
	if !sameOrigin(r.URL, to) {
		for _, h := range clientCredentials {
			next.Header.Del(h)
		}
	}
	return next
}
