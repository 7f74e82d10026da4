package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// passer passes requests on that no package manager's protocol explains: as they are, streaming, and without keeping
// anything. There is one for clients on this machine and for hosts that are configured, and one for others, since
// connections are used again, and the former may reach private addresses.
type passer struct {
	proxy     *httputil.ReverseProxy
	transport *http.Transport
}

func newPasser(p *Proxy, private bool) *passer {
	t := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			parent, err := p.o.Parent(r)
			if ip, bad := netip.ParseAddr(r.URL.Hostname()); err == nil && parent != nil && bad == nil {
				if err := p.o.Permit(ip, private); err != nil {
					return nil, &notPermitted{err}
				}
			}
			return parent, err
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true,
		IdleConnTimeout:     time.Minute,
		MaxIdleConns:        256,
	}
	parents := &parentHosts{}
	t.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
		return p.dial(ctx, address, private || parents.has(address))
	}
	t.Proxy = parents.noting(t.Proxy)
	if p.o.Roots != nil {
		t.TLSClientConfig = p.o.Roots.Clone()
	}
	rp := &httputil.ReverseProxy{
		Transport: t, FlushInterval: -1, ErrorLog: quiet(p.o.Log),
		Rewrite: func(r *httputil.ProxyRequest) {
			to := VisitOf(r.In.Context()).To
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme(), to.Host(), r.In.Host
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if v, ok := r.In.Header[name]; ok { // the client's own words; ReverseProxy takes them out
					r.Out.Header[name] = v
				}
			}
			if p.o.Via != "" {
				r.Out.Header.Add("Via", "1.1 "+p.o.Via)
			}
		},
		ErrorHandler: p.notPassed,
	}
	return &passer{rp, t}
}

func (s *passer) close() { s.transport.CloseIdleConnections() }

// PassOn sends a request to where it was going, and the answer back.
func (p *Proxy) PassOn(w http.ResponseWriter, r *http.Request) {
	v := VisitOf(r.Context())
	if v == nil {
		refuse(w, http.StatusMisdirectedRequest, "a request that is going nowhere")
		return
	}
	if p.o.Via != "" && strings.Contains(strings.Join(r.Header.Values("Via"), ","), p.o.Via) {
		refuse(w, http.StatusLoopDetected, "the request came round in a loop")
		return
	}
	if !v.To.TLS && r.Header.Get("Authorization") != "" && !onThisMachine(v.To.Name) {
		refuse(w, http.StatusForbidden, "a credential is not sent to "+v.To.Host()+" over plain http") // invariant 11
		return
	}
	s := p.remote
	if known := p.o.Rules().Configured; v.Client.IsLoopback() || known != nil && known(v.To) {
		s = p.local
	}
	s.proxy.ServeHTTP(w, r)
}

func onThisMachine(name string) bool {
	ip, err := netip.ParseAddr(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && ip.IsLoopback()
}

func (p *Proxy) notPassed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	to := VisitOf(r.Context()).To
	p.o.Log.Info().Err(err).Str("host", to.Authority()).Msg("a request was not passed on")
	w.Header().Set("X-Entrepot-Error", "upstream")
	w.Header().Set("Retry-After", "10")
	http.Error(w, fmt.Sprintf("entrepot: %s cannot be reached: %s", to.Host(), reason(err)), http.StatusBadGateway)
}
