// Package connection is one external connection: the way from a domain to one registry, as an http.RoundTripper.
//
// It guarantees that
//
//   - a request is retried only where that is harmless (GET and HEAD), with full jitter, and never sleeps longer than
//     RetryCap because a registry says so;
//   - a registry that is down is not waited for: a breaker per host opens at the first connection that cannot be made;
//   - no credential crosses (invariant 11): the connection's own goes to its own scheme, host, port and path only, and
//     a redirect to another origin loses what the request carried;
//   - no document can point it at a private address: the guard looks at the address that is dialled, after resolution;
//   - what it holds is bounded: concurrent requests, redirects, header sizes, and the time that a silent peer gets.
//
// It caches nothing, decodes nothing, and never reads a body that it hands out.
package connection

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Options describe a connection. Only Name and URL are required.
type Options struct {
	Name string   // "public:npmjs", for errors and metrics
	URL  *url.URL // the registry's base, http or https; a path without a final "/" gets one

	Auth      Auth           // the connection's credential; nil: none
	AuthPath  string         // path prefix that Auth is sent to; empty: URL's path
	UserAgent string         // of requests that have none; empty: "entrepot"
	Via       string         // our pseudonym in Via headers (RFC 9110, 7.6.3); empty: no header, no loop check
	Allow     []netip.Prefix // private ranges that documents and redirects may point to

	Limit    int           // requests at a time, up to the end of their bodies; 0: DefaultLimit
	Retries  int           // attempts after the first; 0: DefaultRetries; negative: none
	RetryCap time.Duration // longest wait before a retry; 0: DefaultRetryCap

	ConnectTimeout time.Duration // to connect, and again for the TLS handshake; 0: DefaultConnectTimeout
	HeaderTimeout  time.Duration // from the request's last byte to the response's header; 0: DefaultHeaderTimeout
	StallTimeout   time.Duration // without a byte of a body; 0: DefaultStallTimeout

	Proxy func(*http.Request) (*url.URL, error) // nil: the environment's HTTP_PROXY, HTTPS_PROXY and NO_PROXY
	TLS   *tls.Config                           // nil: the system's roots
	// Dial replaces the dialer, for tunnels and tests. The guard does not see what it does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Defaults of Options.
const (
	DefaultLimit          = 64               // below the 100 streams that RFC 9113, 6.5.2 asks of an h2 server
	DefaultRetries        = 2                // clients retry too; more multiplies with theirs
	DefaultRetryCap       = 5 * time.Second  // two of them stay below every client's own time-out
	DefaultConnectTimeout = 5 * time.Second  // two lost SYNs (1 s, 2 s) and some distance
	DefaultHeaderTimeout  = 30 * time.Second // a cold search or a big packument takes registries seconds
	DefaultStallTimeout   = 30 * time.Second
)

// maxRedirects is what net/http's client allows as well.
const maxRedirects = 10

// Connection is one external connection. It is safe for concurrent use.
type Connection struct {
	o         Options
	base      *url.URL
	guard     guard
	breakers  breakers
	slots     chan struct{} // one per attempt, until its body's end
	transport http.RoundTripper
	retry     *retryablehttp.Client
	counts    counts
}

// New returns a connection. It dials nothing.
func New(o Options) (*Connection, error) {
	base, err := cleanBase(o.URL)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", o.Name, err)
	}
	o.setDefaults(base)
	c := &Connection{o: o, base: base, slots: make(chan struct{}, o.Limit)}
	c.breakers.own = authority(base)
	c.guard.own, c.guard.allow = authority(base), o.Allow
	c.transport = c.newTransport()
	c.retry = c.newRetry()
	return c, nil
}

func cleanBase(u *url.URL) (*url.URL, error) {
	if u == nil {
		return nil, errors.New("no address")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("address %q is not http or https with a host", u.Redacted())
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("address %q has a user, a query or a fragment", u.Redacted())
	}
	return u.JoinPath("/"), nil
}

func (o *Options) setDefaults(base *url.URL) {
	def(&o.AuthPath, base.Path)
	def(&o.UserAgent, "entrepot")
	def(&o.Limit, DefaultLimit)
	def(&o.Retries, DefaultRetries)
	def(&o.RetryCap, DefaultRetryCap)
	def(&o.ConnectTimeout, DefaultConnectTimeout)
	def(&o.HeaderTimeout, DefaultHeaderTimeout)
	def(&o.StallTimeout, DefaultStallTimeout)
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Name returns the connection's name.
func (c *Connection) Name() string { return c.o.Name }

// Base returns the registry's base address; its path ends in "/".
func (c *Connection) Base() *url.URL {
	u := *c.base
	return &u
}

// Close lets go of idle connections. Requests under way run to their end.
func (c *Connection) Close() {
	if t, ok := c.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// Resolve returns the address that ref names, relative to the base or absolute, without a fragment or a user. An
// http address on the host of an https base becomes https: old documents have such.
func (c *Connection) Resolve(ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	if err != nil {
		return nil, fmt.Errorf("%s: reference: %w", c.o.Name, err)
	}
	return c.resolve(u)
}

func (c *Connection) resolve(ref *url.URL) (*url.URL, error) {
	u := c.base.ResolveReference(ref)
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return nil, fmt.Errorf("%s: reference %q is not http or https with a host", c.o.Name, u.Redacted())
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.Scheme == "http" && c.base.Scheme == "https" && u.Host == c.base.Hostname() {
		u.Scheme, u.Host = "https", c.base.Host
	}
	return u, nil
}

// authority returns host:port of u in lower case, with the scheme's port where u has none.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// sameOrigin reports whether a and b have the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && authority(a) == authority(b) }

// within reports whether u's path lies under prefix, dot segments (encoded ones, too) counted in.
func within(u *url.URL, prefix string) bool {
	p := path.Clean("/" + u.Path)
	return p == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(p+"/", strings.TrimSuffix(prefix, "/")+"/")
}
