package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"entrepot/config"
	"entrepot/proxy"
	"entrepot/proxy/auth"
	"entrepot/proxy/forward"
	"entrepot/proxy/forward/authority"
	"entrepot/proxy/lane"
	"entrepot/upstream/connection"
)

// openForward puts the proxy for clients before the server.
func (k *keeper) openForward() error {
	known, err := newRegistries(k.house)
	if err != nil {
		return err
	}
	k.registries = known
	k.interceptor = proxy.NewInterceptor(k.server, known, func(w http.ResponseWriter, r *http.Request) { k.forward.PassOn(w, r) })
	o := k.forwardOptions(k.interceptor.Opened())
	o.Next, o.Opened, o.Via = k.server, k.interceptor, k.house.via
	o.Rules, o.Authenticate = k.forwardRules, k.proxyClient
	k.forward = forward.New(o)
	return nil
}

// listenToRedirected opens the listener for connections that the network redirects here, if there is to be one.
func (k *keeper) listenToRedirected(address string) (err error) {
	if address == "" {
		return nil
	}
	if k.redirected, err = net.Listen("tcp", address); err != nil {
		return err
	}
	k.beside(func() {
		if err := k.forward.ServeRedirected(k.redirected, forward.OriginalDestination); err != nil {
			k.log.Error().Err(err).Msg("redirected connections are not served any more")
		}
	})
	return nil
}

// forwardOptions are those of every proxy of this process.
func (r *running) forwardOptions(warm lane.Answerer) forward.Options {
	return forward.Options{
		Authority: &lazyAuthority{dir: caDir(r.dir)}, Permit: connection.Permit, Log: r.log,
		HeaderTimeout: readHeader, IdleTimeout: idle, MaxHeader: maxHeader, Hook: lane.Hook,
		Lane: func(l net.Listener, secure *tls.Config, failed func(net.Conn, error)) net.Listener {
			return lane.Listen(l, lane.Options{
				Answerer: warm, TLS: secure, HandshakeFailed: failed, IdleTimeout: idle, HeaderTimeout: readHeader,
				WriteTimeout: stalledWrite, MaxConns: maxConns,
			})
		},
	}
}

// lazyAuthority opens the authority when the first connection is opened: most servers never need one.
type lazyAuthority struct {
	dir  string
	once sync.Once
	ca   *authority.Authority
	err  error
}

func (l *lazyAuthority) open() (*authority.Authority, error) {
	l.once.Do(func() { l.ca, l.err = authority.Open(l.dir) })
	return l.ca, l.err
}

// Leaf implements forward.Authority.
func (l *lazyAuthority) Leaf(names ...string) (*tls.Certificate, error) {
	ca, err := l.open()
	if err != nil {
		return nil, err
	}
	return ca.Leaf(names...)
}

// proxying is the block forward, ready for use.
type proxying struct {
	rules forward.Rules
	named bool // anonymous clients may not use the proxy
}

// setForward puts the block forward in force.
func (k *keeper) setForward(file *config.File) error {
	clients, err := prefixes(file.Forward.Clients)
	if err != nil {
		return err
	}
	mode, hosts := file.Forward.TunnelMode()
	p := &proxying{rules: forward.Rules{
		Clients: clients, Tunnel: mode == "allow", TunnelTo: hosts, Bypass: file.Forward.Bypass, Learn: file.Forward.Learn,
		Opens: func(t forward.Target) bool { return k.server.Site().Opens(t) || k.registries.keepsFiles(t) }, Own: k.isOwn(file),
		Configured: func(t forward.Target) bool { return k.server.Site().Opens(t) },
	}}
	if file.Forward.Untrusted == "refuse" {
		ruled := false
		for _, d := range file.Domains {
			ruled = ruled || len(d.Rules) > 0
		}
		p.rules.Ruled = func(forward.Target) bool { return ruled }
	}
	p.named = file.Access != nil && file.Access.Anonymous == "none"
	k.proxying.Store(p)
	return nil
}

func (k *keeper) forwardRules() *forward.Rules { return &k.proxying.Load().rules }

// isOwn recognises the port itself, by the names that clients may call it by.
func (k *keeper) isOwn(file *config.File) func(forward.Target) bool {
	n := namesOf(file)
	var port uint16
	if a, ok := k.addr.(*net.TCPAddr); ok {
		port = a.AddrPort().Port()
	}
	public, _ := url.Parse(file.PublicURL)
	return func(t forward.Target) bool {
		if public != nil && public.Host != "" && t.Host() == strings.ToLower(public.Host) {
			return true
		}
		for _, name := range n.fixed {
			if t.Name == name && t.Port == port {
				return true
			}
		}
		return false
	}
}

// proxyClient says who uses the proxy.
func (k *keeper) proxyClient(r *http.Request) (any, error) {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	p, err := k.house.authority.AuthenticateProxy(r.Context(), r, remote.Addr().Unmap())
	if err != nil {
		return nil, err
	}
	if p.Anonymous && k.proxying.Load().named {
		return nil, errors.New("say who you are: HTTP_PROXY=http://USER:TOKEN@HOST:PORT")
	}
	return p, nil
}

// targetHeader says, from another process on this machine, where a request was going that it has opened; learnHeader,
// that its host may be learnt.
const (
	targetHeader = "X-Entrepot-Target"
	learnHeader  = "X-Entrepot-Learn"
)

// neighbour is whoever can open the socket: it could read the data directory as well.
var neighbour = &auth.Principal{Anonymous: true, Level: auth.ReadLevel}

// opened serves a request that another process has opened.
func (k *keeper) opened(w http.ResponseWriter, r *http.Request, origin string) {
	to, err := forward.ParseOrigin(origin)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	learn := r.Header.Get(learnHeader) != ""
	r.Header.Del(learnHeader)
	k.interceptor.ServeHTTP(w, forward.With(r, &forward.Visit{To: to, Client: remote.Addr(), Who: neighbour, Learn: learn, Traced: true}))
}

// throughOwner hands a connection whose request is for a proxy to the process that owns the data directory: all of it,
// since what a CONNECT carries is nobody's business here.
func throughOwner(dir string, w http.ResponseWriter, r *http.Request) {
	owner, err := toOwner(dir).DialContext(r.Context(), "", "")
	if err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "nobody owns the data directory", http.StatusServiceUnavailable)
		return
	}
	defer owner.Close()
	out := r.Clone(context.WithoutCancel(r.Context()))
	out.Header.Set(clientHeader, r.RemoteAddr)
	if r.Method == http.MethodConnect {
		out.URL = &url.URL{Opaque: r.Host}
		err = out.Write(owner)
	} else {
		out.Close = true // what follows on this connection has not been looked at
		err = out.WriteProxy(owner)
	}
	if err != nil {
		http.Error(w, "the process that owns the data directory is gone; try again", http.StatusServiceUnavailable)
		return
	}
	client, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	if n := rw.Reader.Buffered(); n > 0 {
		if _, err := io.CopyN(owner, rw.Reader, int64(n)); err != nil {
			return
		}
	}
	forward.Splice(client, owner)
}
