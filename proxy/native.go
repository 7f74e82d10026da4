package proxy

import (
	"net/http"
	"net/url"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/forward"
	"entrepot/upstream"
)

// What a format may be able to do for clients that asked the registry itself.

// native reads such requests where a registry's paths, or its documents' links, are not those of our endpoints. path
// follows the connection's base.
type native interface {
	Native(r *http.Request, path string) (format.Want, error)
}

// impersonal tells services whose answer does not depend on who asks.
type impersonal interface{ Impersonal(format.Want) bool }

// mounter knows at which path of a host the registry stands that a request is for; others are taken to stand at the root.
type mounter interface {
	Mount(r *http.Request) (path string, ok bool)
}

// pointer is a format whose registries keep files at other hosts, which their documents name.
type pointer interface {
	// Pointed reads a request to such a host.
	Pointed(r *http.Request) (format.Want, error)
	// At returns the address at which a listing says that the file is.
	At(l *cache.Listing, want format.Want) (string, error)
	// Hosts are the origins where a listing says that files are.
	Hosts(l *cache.Listing) []string
}

func parseNative(f format.Format, r *http.Request, path string) (format.Want, error) {
	if n, ok := f.(native); ok {
		return n.Native(r, path)
	}
	return f.Parse(r, path)
}

func (c *call) impersonal() bool {
	f, ok := c.format.(impersonal)
	return ok && c.want.Kind == format.Service && f.Impersonal(c.want)
}

// pointed finds the connection whose documents say that the very file is there which a request is for. A client's own
// credential is for that host alone, and says nothing about the registry: then there is none.
func (i *Interceptor) pointed(r *http.Request, c *call) bool {
	if credential, err := ownCredential(r, &c.visit.To); err != nil || credential != nil {
		return false
	}
	at, err := url.Parse(c.visit.To.Origin() + r.URL.RequestURI())
	if err != nil {
		return false
	}
	for name, f := range c.site.Formats {
		p, ok := f.(pointer)
		if !ok {
			continue
		}
		want, err := p.Pointed(r)
		if err != nil {
			continue
		}
		for _, conn := range append(c.site.connectionsOf(name), i.registries.Learnt(r.Context(), c.site.Default, name)...) {
			if i.pointsTo(r, c.site, conn, f, want, at) {
				c.domain, c.conn, c.format, c.want, c.base = conn.Domain, conn, f, want, c.visit.To.Origin()+"/"
				return true
			}
		}
	}
	return false
}

func (i *Interceptor) pointsTo(r *http.Request, site *Site, conn *upstream.Connection, f format.Format, want format.Want, at *url.URL) bool {
	l := &reading{engine: i.server.engine, format: f, record: newRecord(), rules: site.Rules[conn.Domain.Name]}
	listing, err := l.read(r.Context(), conn, want.Package)
	if err != nil {
		return false
	}
	defer listing.Close()
	address, err := f.(pointer).At(listing, want)
	if err != nil {
		return false
	}
	there, err := conn.Resolve(address)
	return err == nil && same(there, at)
}

// same reports whether two addresses are one, however they spell the port and what need not be escaped.
func same(a, b *url.URL) bool {
	t, err := forward.ParseOrigin(a.Scheme + "://" + a.Host)
	u, err2 := forward.ParseOrigin(b.Scheme + "://" + b.Host)
	return err == nil && err2 == nil && t == u && a.Path == b.Path && a.RawQuery == b.RawQuery
}

// connectionsOf returns the connections of a format, each once.
func (s *Site) connectionsOf(name string) []*upstream.Connection {
	seen := map[string]bool{}
	var out []*upstream.Connection
	for _, places := range s.registries() {
		for _, p := range places {
			if c := p.conn; c.Format == name && !seen[c.Domain.Name+" "+c.Name] {
				seen[c.Domain.Name+" "+c.Name] = true
				out = append(out, c)
			}
		}
	}
	return out
}
