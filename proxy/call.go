package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
	"entrepot/proxy/forward"
	"entrepot/upstream"
)

// call is one request on its way: what it asks of which repository, and who asks.
type call struct {
	site      *Site
	remote    netip.AddrPort // the client, behind proxies that are trusted
	secure    bool           // it came over TLS
	domain    *upstream.Domain
	repo      *upstream.Repository
	format    format.Format
	path      string // below the repository's endpoint, escaped
	base      string // the endpoint as the client knows it, ending in "/"
	principal *auth.Principal
	want      format.Want
	result    string // X-Cache: hit, miss, stale, revalidated

	// Of what was on its way to a registry; else nil.
	visit  *forward.Visit
	conn   *upstream.Connection // the registry's
	learnt bool                 // nobody has declared it; it looks like one
}

// maxPath is the longest path that is looked at. Package managers stay far below; the index has no use for more.
const maxPath = 4096

// route finds the repository that a path belongs to. The path is taken as the client wrote it: what is escaped stays
// so, and segments that a lenient parser would fold away are refused (protocols: path decoding).
func (c *call) route(r *http.Request) error {
	path := r.URL.EscapedPath()
	name, rest := c.speak(path)
	if err := checkPath(path); err != nil {
		return err
	}
	if c.format == nil {
		return cache.ErrAbsent
	}
	c.domain = c.site.Default
	prefix := "/" + name + "/"
	if domain, ok := virtualHost(c.site, r.Host); ok {
		c.domain = domain
	} else if after, ok := strings.CutPrefix(rest, "d/"); ok {
		var label string
		label, rest, _ = strings.Cut(after, "/")
		c.domain = c.site.domainOf(label)
		prefix += "d/" + label + "/"
	}
	repository, rest, _ := strings.Cut(rest, "/")
	if c.domain == nil {
		return &cache.Invalid{Status: http.StatusNotFound, Reason: "there is no such domain here"}
	}
	if c.repo = c.domain.Repository(repository); c.repo == nil {
		return &cache.Invalid{Status: http.StatusNotFound, Reason: "there is no repository " + quote(repository) + " in domain " + c.domain.Name}
	}
	c.path = rest
	c.base = c.site.origin(r) + prefix + repository + "/"
	return nil
}

// speak takes the format from the front of a path, whatever follows: so that errors have the form that the client reads.
func (c *call) speak(path string) (name, rest string) {
	name, rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	c.format = c.site.Formats[name]
	return name, rest
}

// connected reports whether a registry of the format can be asked on behalf of the repository.
func (c *call) connected() bool {
	return slices.ContainsFunc(c.repo.Walk(), func(r *upstream.Repository) bool {
		conn := r.Connection()
		if conn == nil || conn.Format != c.format.Name() {
			return false
		}
		_, lacks := conn.Client.(interface{ Unaddressed() })
		return !lacks
	})
}

// quote shows a name from a request in a message: short, and without what a terminal would act on.
func quote(s string) string {
	const longest = 100
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' {
			return '?'
		}
		return r
	}, s) + `"`
}

func checkPath(path string) error {
	switch {
	case len(path) > maxPath:
		return &cache.Invalid{Status: http.StatusRequestURITooLong, Reason: "the path is too long"}
	case !strings.HasPrefix(path, "/"):
		return cache.Invalidf("the path does not begin with a slash")
	case strings.Contains(path, "//"):
		return cache.Invalidf("the path has an empty segment")
	}
	for segment := range strings.SplitSeq(path, "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return cache.Invalidf("the path is not properly escaped")
		}
		if plain == "." || plain == ".." || strings.ContainsAny(plain, "\x00\r\n\\") {
			return cache.Invalidf("the path has a segment that is not allowed")
		}
	}
	return nil
}

// domainOf finds the domain called NAME-OWNER, as endpoints spell it.
func (s *Site) domainOf(label string) *upstream.Domain {
	i := strings.LastIndexByte(label, '-')
	if i < 0 {
		return nil
	}
	if d := s.Domains[label[:i]]; d != nil && d.Owner == label[i+1:] {
		return d
	}
	return nil
}

// virtualHost finds the domain of a host called NAME-OWNER.d.REST, as in CodeArtifact's own endpoints.
func virtualHost(s *Site, host string) (*upstream.Domain, bool) {
	label, rest, ok := strings.Cut(host, ".")
	if !ok || !strings.HasPrefix(rest, "d.") {
		return nil, false
	}
	d := s.domainOf(label)
	return d, d != nil
}

// origin is our scheme, host and port as the client knows them.
func (s *Site) origin(r *http.Request) string {
	host, scheme := r.Host, "http"
	if s.PublicURL != nil && (host == s.PublicURL.Host || !s.called(host)) {
		return s.PublicURL.Scheme + "://" + s.PublicURL.Host
	}
	if r.TLS != nil {
		scheme = "https"
	}
	if remote, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && s.trusts(remote.Addr()) {
		if p := r.Header.Get("X-Forwarded-Proto"); p == "http" || p == "https" {
			scheme = p
		}
		if h := r.Header.Get("X-Forwarded-Host"); h != "" && s.called(h) {
			host = h
		}
	}
	return scheme + "://" + host
}

// called reports whether a client may call us by that host: so that a name that somebody else points at us (DNS
// rebinding) reaches nothing.
func (s *Site) called(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if s.PublicURL != nil && strings.EqualFold(name, s.PublicURL.Hostname()) {
		return true
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.IsLoopback() || len(s.Hosts) == 0 || slices.Contains(s.Hosts, name) || slices.Contains(s.Hosts, "*")
	}
	name = strings.ToLower(name)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	return slices.ContainsFunc(s.Hosts, func(h string) bool {
		suffix, wild := strings.CutPrefix(h, "*")
		return strings.EqualFold(h, name) || wild && strings.HasSuffix(name, strings.ToLower(suffix))
	})
}

func (s *Site) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.Trusted, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// client is the address that a request came from: the nearest one that is not a trusted proxy's.
func (s *Site) client(r *http.Request) netip.AddrPort {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !s.trusts(remote.Addr()) {
		return remote
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		remote = netip.AddrPortFrom(addr.Unmap(), 0)
		if !s.trusts(addr) {
			break
		}
	}
	return remote
}
