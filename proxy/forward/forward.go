// Package forward is the proxy that clients are told of by HTTP_PROXY and HTTPS_PROXY, or that the network redirects them
// to: CONNECT requests, absolute-form requests, and connections that were on their way elsewhere.
//
// A connection is opened, if its target is a registry (or may be one): TLS ends here, with a certificate of our own
// authority, and its requests go to Options.Opened as if they had come to the registry. Everything else is tunnelled,
// untouched, or refused.
//
// It guarantees:
//
//   - it is no open relay: who may use it is configured, clients on this machine reach anything but link-local
//     addresses, and clients elsewhere no private ones (Options.Permit sees each address that is dialled, after
//     resolution);
//   - what is decided about a connection's target holds for each request in it: a Host that is another's is answered
//     with 421;
//   - bytes that a client sends together with its CONNECT are not lost;
//   - time-outs hold inside of an opened connection as outside, and Shutdown ends what was opened and tunnelled.
package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
	"github.com/rs/zerolog"
)

// Authority makes the certificates of opened connections.
type Authority interface {
	Leaf(names ...string) (*tls.Certificate, error)
}

// Options are what a Proxy is made of.
type Options struct {
	// Next serves the requests that are not for a proxy.
	Next http.Handler
	// Opened serves the requests of opened connections and those in absolute form. Where they were going is VisitOf
	// their context; their URL has a path and a query only.
	Opened http.Handler
	// Rules are in force for one connection, or one request in absolute form; they may change from one to the next.
	Rules func() *Rules
	// Authenticate says who a client is that Rules admits; its error is answered with 407. nil: everybody may come.
	Authenticate func(*http.Request) (any, error)
	Authority    Authority
	// Permit says whether an address may be dialled on behalf of a client. private: the client is on this machine.
	Permit func(ip netip.Addr, private bool) error
	// Via is our pseudonym in Via headers (RFC 9110, 7.6.3).
	Via string
	// Parent is the proxy on the way to a target; nil: as the environment says.
	Parent func(*http.Request) (*url.URL, error)
	// Roots verify the servers that requests are passed on to; nil: the system's.
	Roots *tls.Config

	// Lane puts something faster than net/http on a listener of opened connections, and shakes hands if secure is not
	// nil; failed hears of clients that fail at that. Hook is the server's ConnState then.
	Lane func(l net.Listener, secure *tls.Config, failed func(net.Conn, error)) net.Listener
	Hook func(net.Conn, http.ConnState)

	HeaderTimeout, IdleTimeout time.Duration // of requests in opened connections
	MaxHeader                  int           // bytes of a request's header there
	Log                        zerolog.Logger
}

// Proxy is an http.Handler for the port that clients use as a proxy. It is safe for concurrent use.
type Proxy struct {
	o        Options
	connect  *goproxy.ProxyHttpServer
	secure   *queue // opened connections that begin with TLS
	plain    *queue // and those that do not
	server   *http.Server
	distrust distrust
	local    *passer // passes requests on for clients on this machine
	remote   *passer // and for others

	mu      sync.Mutex // guards what follows
	closed  bool
	tunnels map[net.Conn]struct{} // the clients' ends
}

// New returns a proxy that serves. The caller ends it with Shutdown.
func New(o Options) *Proxy {
	if o.Parent == nil {
		o.Parent = http.ProxyFromEnvironment
	}
	p := &Proxy{o: o, secure: newQueue(), plain: newQueue(), tunnels: map[net.Conn]struct{}{}}
	p.local, p.remote = newPasser(p, true), newPasser(p, false)
	p.connect = p.newConnect()
	p.server = &http.Server{
		Handler: http.HandlerFunc(p.inside), ConnContext: connContext, ConnState: o.Hook,
		ReadHeaderTimeout: o.HeaderTimeout, IdleTimeout: o.IdleTimeout, MaxHeaderBytes: o.MaxHeader, ErrorLog: quiet(o.Log),
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: p.certificate}
	var secure, plain net.Listener
	if o.Lane == nil {
		secure, plain = tls.NewListener(p.secure, config), p.plain
	} else {
		secure, plain = o.Lane(p.secure, config, p.handshakeFailed), o.Lane(p.plain, nil, nil)
	}
	go p.serve(secure)
	go p.serve(plain)
	return p
}

func (p *Proxy) serve(l net.Listener) {
	if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		p.o.Log.Error().Err(err).Msg("opened connections are not served any more")
	}
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		if r.ProtoMajor == 1 {
			w = &hijackable{w}
		}
		p.connect.ServeHTTP(w, r)
	case r.URL.IsAbs():
		p.absolute(w, r)
	default:
		p.o.Next.ServeHTTP(w, r)
	}
}

// absolute serves a request in absolute form (RFC 9112, 3.2.2).
func (p *Proxy) absolute(w http.ResponseWriter, r *http.Request) {
	to, err := targetOf(r.URL)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	rules := p.o.Rules()
	if rules.own(to) { // "A server MUST accept the absolute-form in requests"
		r.URL.Scheme, r.URL.Host, r.URL.User = "", "", nil
		p.o.Next.ServeHTTP(w, r)
		return
	}
	who, no := p.admit(rules, r)
	if no != nil {
		no.write(w)
		return
	}
	if to.TLS {
		refuse(w, http.StatusBadRequest, "for https, ask with CONNECT")
		return
	}
	how := rules.decide(to)
	if how == refused {
		refuse(w, http.StatusForbidden, rules.refusal(to))
		return
	}
	r.Header.Del("Proxy-Authorization")
	r.Header.Del("Proxy-Connection")
	r = With(r, &Visit{To: to, Client: addrOf(r.RemoteAddr), Who: who, Learn: rules.Learn})
	r.URL.Scheme, r.URL.Host, r.URL.User = "", "", nil
	if how == opened {
		p.o.Opened.ServeHTTP(w, r)
	} else {
		p.PassOn(w, r)
	}
}

// refusal is an answer to a client that may not do what it asks.
type refusal struct {
	status    int
	reason    string
	challenge bool
}

// admit decides whether the client of a request may use the proxy, and who it is.
func (p *Proxy) admit(rules *Rules, r *http.Request) (who any, no *refusal) {
	client := addrOf(r.RemoteAddr)
	if !rules.admits(client) {
		return nil, &refusal{status: http.StatusForbidden, reason: "this address may not use the proxy; see clients in the block forward"}
	}
	if p.o.Authenticate == nil {
		return nil, nil
	}
	who, err := p.o.Authenticate(r)
	if err != nil {
		return nil, &refusal{http.StatusProxyAuthRequired, err.Error(), true}
	}
	return who, nil
}

// challenge asks for the proxy's own credential (RFC 9110, 11.7.1).
const challenge = `Basic realm="entrepot", charset="UTF-8"`

func (no *refusal) write(w http.ResponseWriter) {
	if no.challenge {
		w.Header().Set("Proxy-Authenticate", challenge)
	}
	refuse(w, no.status, no.reason)
}

func refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("X-Entrepot-Error", "refused")
	http.Error(w, "entrepot: "+reason, status)
}

func addrOf(remote string) netip.Addr {
	ap, _ := netip.ParseAddrPort(remote)
	return ap.Addr().Unmap().WithZone("")
}

// Shutdown ends the proxy: opened connections when their requests are done, or with ctx; tunnels at once.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	for c := range p.tunnels {
		_ = c.Close()
	}
	p.mu.Unlock()
	err := p.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, p.server.Close())
	}
	p.local.close()
	p.remote.close()
	return err
}
