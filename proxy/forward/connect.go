package forward

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/elazarl/goproxy"
	"github.com/rs/zerolog"
)

// established answers a CONNECT (RFC 9110, 9.3.6).
const established = "HTTP/1.1 200 Connection Established\r\n\r\n"

// newConnect makes the part that goproxy does: CONNECT requests, whose connections it hands over. Its own ways with them
// are not used: a request that is neither refused nor taken over does not exist.
func (p *Proxy) newConnect() *goproxy.ProxyHttpServer {
	g := goproxy.NewProxyHttpServer()
	g.Logger, g.ConnectDial, g.ConnectDialWithReq = quiet(p.o.Log), nil, nil
	g.Tr = &http.Transport{Proxy: nil}
	g.OnRequest().HandleConnect(goproxy.FuncHttpsHandler(func(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		hijack, no := p.onConnect(ctx.Req)
		if no != nil {
			ctx.Resp = no.response(ctx.Req)
			return &goproxy.ConnectAction{Action: goproxy.ConnectReject}, host
		}
		return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: hijack}, host
	}))
	return g
}

type hijack = func(*http.Request, net.Conn, *goproxy.ProxyCtx)

// onConnect decides about a CONNECT request, before its connection is touched.
func (p *Proxy) onConnect(r *http.Request) (hijack, *refusal) {
	rules, client := p.o.Rules(), addrOf(r.RemoteAddr)
	who, no := p.admit(rules, r)
	if no != nil {
		return nil, no
	}
	if r.ProtoMajor != 1 {
		return nil, &refusal{status: http.StatusNotImplemented, reason: "CONNECT is served over HTTP/1.1"}
	}
	to, err := parseTarget(r.Host, true, false)
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, reason: err.Error()}
	}
	if !reachable(client, to.Port) {
		return nil, &refusal{status: http.StatusForbidden, reason: fmt.Sprintf("port %d is not proxied", to.Port)}
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	how := rules.decide(to)
	if how == opened && p.distrust.has(client, to.Name) {
		if rules.Ruled != nil && rules.Ruled(to) {
			return nil, &refusal{status: http.StatusForbidden, reason: untrusting}
		}
		how = rules.tunnel(to)
	}
	switch how {
	case opened:
		return func(_ *http.Request, c net.Conn, _ *goproxy.ProxyCtx) {
			if _, err := io.WriteString(c, established); err != nil {
				_ = c.Close()
				return
			}
			go p.open(c, &Visit{To: to, Client: client, Who: who, Learn: rules.Learn}, from, rules)
		}, nil
	case tunnelled:
		return func(_ *http.Request, c net.Conn, _ *goproxy.ProxyCtx) {
			go p.tunnel(c, to, client, []byte(established))
		}, nil
	}
	return nil, &refusal{status: http.StatusForbidden, reason: rules.refusal(to)}
}

// response is a refusal in the form that goproxy writes.
func (no *refusal) response(r *http.Request) *http.Response {
	body := "entrepot: " + no.reason + "\n"
	out := &http.Response{
		StatusCode: no.status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Close: true,
		Header:        http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Entrepot-Error": {"refused"}},
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}
	if no.challenge {
		out.Header.Set("Proxy-Authenticate", challenge)
	}
	return out
}

// sniffTimeout is how long a client may take to say something where it need not be HTTP: in some protocols the server
// speaks first. A client under load takes its time, too: npm has been seen to need more than half a second.
const sniffTimeout = 2 * time.Second

// open takes over a connection that is to be opened, if what the client says first is HTTP or TLS. Else it is tunnelled
// where that is allowed.
func (p *Proxy) open(c net.Conn, going *Visit, from netip.AddrPort, rules *Rules) {
	v, to := &visitor{Conn: c, Visit: going, from: from}, going.To
	patience := p.o.HeaderTimeout
	if !rules.Opens(to) && to.Port != 443 && to.Port != 80 {
		patience = sniffTimeout
	}
	first, err := v.peek(patience)
	switch {
	case err == nil && first == 0x16: // a TLS record with a handshake (RFC 8446, 5.1)
		p.secure.put(v)
	case err == nil && 'A' <= first && first <= 'Z':
		inTheClear := *going
		inTheClear.To.TLS = false
		v.Visit = &inTheClear
		p.plain.put(v)
	case rules.tunnel(to) == tunnelled && (err == nil || isTimeout(err)):
		p.tunnel(v, to, going.Client, nil)
	default:
		_ = c.Close()
	}
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// quiet is a log for libraries.
func quiet(l zerolog.Logger) *log.Logger { return log.New(debugWriter{l}, "", 0) }

type debugWriter struct{ log zerolog.Logger }

func (w debugWriter) Write(b []byte) (int, error) {
	w.log.Debug().Msg(string(bytes.TrimSpace(b)))
	return len(b), nil
}
