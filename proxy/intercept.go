package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
	"entrepot/proxy/forward"
	"entrepot/proxy/lane"
	"entrepot/upstream"
)

// Registries are the connections that requests make which were on their way to a registry.
type Registries interface {
	// Learn returns the connection of a host that shows itself to be a registry, at that path, which ends in a slash. near:
	// the client is on this machine, so that the registry may stand at a private address.
	Learn(ctx context.Context, d *upstream.Domain, to forward.Target, path, format string, near bool) (*upstream.Connection, error)
	// Learnt returns the connections that Learn has made of a format.
	Learnt(ctx context.Context, d *upstream.Domain, format string) []*upstream.Connection
	// Points is told of origins where registries say that their files are.
	Points(origins []string)
	// Private returns the connection for what a client's own credential obtains.
	Private(ctx context.Context, c *upstream.Connection, to forward.Target, credential http.Header) (*upstream.Connection, error)
}

// Interceptor serves requests that were on their way to a registry: from the connection of the very host and path that the
// client named, and no other. What is no package manager's protocol is passed on.
type Interceptor struct {
	server     *Server
	registries Registries
	passOn     func(http.ResponseWriter, *http.Request)
}

// NewInterceptor returns an interceptor before s.
func NewInterceptor(s *Server, r Registries, passOn func(http.ResponseWriter, *http.Request)) *Interceptor {
	s.engine.points = r.Points
	return &Interceptor{s, r, passOn}
}

// SubjectHeader says what package a response is about, if the visit is traced; see call.subject. It never leaves the
// machine.
const SubjectHeader = "X-Entrepot-Subject"

// ServeHTTP implements http.Handler. Where the request was going is forward.VisitOf its context.
func (i *Interceptor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	visit, site := forward.VisitOf(r.Context()), i.server.Site()
	if visit == nil || r.Method != http.MethodGet && r.Method != http.MethodHead || looped(r, site.Via) {
		i.passOn(w, r)
		return
	}
	if !visit.Traced && r.Host == visit.To.Host() && i.server.engine.warm.serve(w, r, visit) {
		return
	}
	c := &call{site: site, remote: site.client(r), visit: visit}
	if !i.recognise(r, c) {
		i.passOn(w, r)
		return
	}
	if visit.Traced {
		w.Header().Set(SubjectHeader, c.subject())
	}
	i.server.handle(w, r, c, i.serve)
}

// recognise finds out which connection a request is for, and what it wants of it. It reports false for what a package
// manager's protocol does not explain, what changes something at the registry, and what is meant for one client.
func (i *Interceptor) recognise(r *http.Request, c *call) bool {
	if checkPath(r.URL.EscapedPath()) != nil {
		return false
	}
	c.registry(r)
	known := c.conn != nil
	if known && c.parse(r) || i.pointed(r, c) {
		return true
	}
	if known || !c.visit.Learn {
		return false
	}
	i.learn(r, c)
	return c.conn != nil && c.parse(r)
}

// parse reads a request to the registry. It reports false for what is not ours to answer.
func (c *call) parse(r *http.Request) bool {
	if c.format == nil {
		return false
	}
	want, err := parseNative(c.format, r, c.path)
	c.want = want
	return err == nil && want.Action == format.Read && (want.Kind == format.Asset || want.Kind == format.Document || c.impersonal())
}

// learn makes a connection of a host whose request a format knows for its own. A search that is under way may know the
// host, with its path, as one of the well-known registries; so its end is awaited first.
func (i *Interceptor) learn(r *http.Request, c *call) {
	if c.site.Default == nil {
		return
	}
	if c.site.Discovering != nil {
		late := time.NewTimer(discoveryWait)
		defer late.Stop()
		select {
		case <-c.site.Discovering:
			c.site = i.server.Site()
			if c.registry(r); c.conn != nil {
				return
			}
		case <-late.C:
		case <-r.Context().Done():
			return
		}
	}
	for _, f := range c.site.Formats {
		if !f.Recognise(r) {
			continue
		}
		mount := "/"
		if m, ok := f.(mounter); ok {
			if mount, ok = m.Mount(r); !ok {
				continue
			}
		}
		path := strings.TrimPrefix(r.URL.EscapedPath(), mount)
		if want, err := parseNative(f, r, path); err != nil || want.Action != format.Read {
			continue
		}
		conn, err := i.registries.Learn(r.Context(), c.site.Default, c.visit.To, mount, f.Name(), c.remote.Addr().IsLoopback())
		if err != nil {
			i.server.o.Log.Warn().Err(err).Str("host", c.visit.To.Host()).Msg("a registry was not learnt")
			return
		}
		c.domain, c.conn, c.format, c.path, c.base = c.site.Default, conn, f, path, c.visit.To.Origin()+mount
		c.learnt = true
		return
	}
}

// serve answers from the connection, as far as whoever asks may see it.
func (i *Interceptor) serve(w http.ResponseWriter, r *http.Request, c *call) error {
	inside, err := c.guest(r)
	if err != nil {
		return err
	}
	if inside == nil {
		if err := c.foreign(r.Context()); err != nil {
			return err
		}
	}
	credential, err := ownCredential(r, &c.visit.To)
	if err != nil {
		return err
	}
	if credential != nil {
		if c.conn, err = i.registries.Private(r.Context(), c.conn, c.visit.To, credential); err != nil {
			return err
		}
		named := *c.principal
		named.Anonymous = false // no cache on the way may keep it
		c.principal = &named
	}
	c.repo = c.conn.Through(inside)
	if err := c.allowed(); err != nil {
		return err
	}
	err = i.server.engine.dispatch(w, r, c)
	if out, ok := w.(*response); ok && out.status == 0 && c.theirs(err) {
		i.passOn(w, r)
		return nil
	}
	return err
}

// theirs reports whether the registry's own words serve the client better than ours: that it wants a credential, and
// which; or, where a host was only taken for a registry, what it answers that is none. Never where a name is absent or
// refused: that may be because it is published inside, and must not be asked for outside.
func (c *call) theirs(err error) bool {
	if s, ok := errors.AsType[cache.StatusError](err); ok && (s == http.StatusUnauthorized || s == http.StatusForbidden) {
		return true
	}
	_, failed := errors.AsType[*cache.Unavailable](err)
	return failed && c.learnt
}

// guest finds out who asks, and whether the packages published inside are for them too. Who may use the proxy and has no
// right to read here could ask the registry as well: they get what it offers.
func (c *call) guest(r *http.Request) (inside *upstream.Repository, err error) {
	if c.principal, err = c.site.Authority.AuthenticateProxy(r.Context(), r, c.remote.Addr()); err != nil {
		return nil, err
	}
	r.Header.Del("Proxy-Authorization")
	if p, ok := c.visit.Who.(*auth.Principal); ok && p != nil {
		c.principal = p
	}
	if c.principal.Level >= auth.ReadLevel {
		return c.site.inside(c.domain), nil
	}
	if c.conn.Credential {
		return nil, &cache.Refused{Rule: "access", Reason: "this registry is asked with a credential of the server's own; say who you are to the proxy"}
	}
	c.principal = &auth.Principal{Anonymous: true, Level: auth.ReadLevel}
	return nil, nil
}

// foreign refuses a name that was published inside to who may not read that: what the registry has under the same name
// must not take its place.
func (c *call) foreign(ctx context.Context) error {
	inside := c.site.inside(c.domain)
	if inside == nil || c.want.Package.Name == "" {
		return nil
	}
	s, err := c.conn.Through(inside).Sources(ctx, c.want.Package)
	if err == nil && s.Confined() {
		err = &cache.Refused{Rule: "access", Reason: c.want.Package.Name + " was published here; say who you are to the proxy"}
	}
	return err
}

// inside is the domain's default repository, or nil.
func (s *Site) inside(d *upstream.Domain) *upstream.Repository { return d.Repository(s.Inside[d.Name]) }

// credentialHeaders are the headers by which a client proves to a registry who it is.
var credentialHeaders = []string{"Authorization", "Cookie", "X-Nuget-Apikey", "X-Api-Key"}

// ownCredential takes a client's credential out of a request; nil: there is none. It goes nowhere in the clear, but on the
// machine itself (invariant 11).
func ownCredential(r *http.Request, to *forward.Target) (http.Header, error) {
	var out http.Header
	for _, name := range credentialHeaders {
		if v := r.Header[name]; len(v) > 0 {
			if out == nil {
				out = http.Header{}
			}
			out[name] = v
		}
	}
	if out != nil && !to.TLS {
		ip, err := netip.ParseAddr(to.Name)
		if to.Name != "localhost" && (err != nil || !ip.IsLoopback()) {
			return nil, &cache.Refused{Rule: "forward", Reason: "a credential is not sent to " + to.Host() + " over plain http"}
		}
	}
	return out, nil
}

// subject is what a call is about, for the process that asked: format, namespace, name, version, asset and connection.
func (c *call) subject() string {
	v := url.Values{"format": {c.format.Name()}, "namespace": {c.want.Package.Namespace}, "name": {c.want.Package.Name},
		"connection": {c.conn.Registry()}}
	if c.want.Kind == format.Asset {
		v.Set("version", c.want.Version)
		v.Set("asset", c.want.Asset)
	}
	return v.Encode()
}

// Opened answers warm requests of opened connections.
func (i *Interceptor) Opened() lane.Answerer { return &openedWarm{i.server.engine.warm} }

type openedWarm struct{ *warm }

// Answer implements lane.Answerer.
func (o *openedWarm) Answer(r *lane.Request) *lane.Answer {
	going := forward.Going(r.Conn)
	if going == nil || string(r.Host) != going.To.Host() {
		return nil // net/http's way knows what that means
	}
	return o.answer(r, going)
}
