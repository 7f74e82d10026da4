package forward

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// ServeRedirected takes connections that the network has redirected here, until l is closed. original says where one was
// going. Registries are opened, by the name that the client asks for; everything else is spliced through, untouched, to the
// very address that it was going to.
//
// The network's own rules decide who gets here; Rules.Clients holds all the same.
func (p *Proxy) ServeRedirected(l net.Listener, original func(net.Conn) (netip.AddrPort, error)) error {
	slots := make(chan struct{}, maxBeginnings)
	for {
		slots <- struct{}{}
		c, err := l.Accept()
		if err != nil {
			<-slots
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
				continue
			}
			p.o.Log.Warn().Err(err).Msg("a redirected connection was not accepted")
			time.Sleep(acceptPause) // descriptors may have run out
			continue
		}
		go func() {
			p.redirected(c, original, func() { <-slots })
		}()
	}
}

const (
	// maxBeginnings bounds the connections whose first bytes are awaited: 16 KiB each at most.
	maxBeginnings = 1024
	acceptPause   = 50 * time.Millisecond
)

// redirected serves one of them. begun is called when its beginning is known.
func (p *Proxy) redirected(c net.Conn, original func(net.Conn) (netip.AddrPort, error), begun func()) {
	from, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	client := addrOf(c.RemoteAddr().String())
	log := p.o.Log.With().Stringer("client", client).Logger()
	rules := p.o.Rules()
	there, err := original(c)
	local, _ := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil || !rules.admits(client) || there == local || !there.IsValid() {
		begun()
		log.Info().Err(err).Stringer("target", there).Msg("a connection that was not redirected, or not from a client of ours")
		_ = c.Close()
		return
	}
	v := &visitor{Conn: c, Visit: &Visit{Client: client, Learn: rules.Learn}, from: from}
	_ = c.SetReadDeadline(time.Now().Add(p.o.HeaderTimeout))
	h, head, err := readHello(c)
	begun()
	_ = c.SetReadDeadline(time.Time{})
	v.head = head
	to := Target{TLS: h.tls, Name: there.Addr().Unmap().String(), Port: there.Port()}
	if h.name != "" {
		if named, bad := parseTarget(net.JoinHostPort(h.name, "1"), h.tls, false); bad == nil {
			to.Name = named.Name
		} else {
			err = errUnknown
		}
	}
	how := rules.decide(to)
	switch {
	case err != nil && (!errors.Is(err, errUnknown) && !isTimeout(err) || len(head) == 0 && !isTimeout(err)):
		log.Info().Err(err).Str("host", to.Authority()).Msg("a redirected connection does not begin as it should")
		_ = c.Close()
		return
	case err != nil:
		how = rules.tunnel(to)
	case h.ech && rules.Ruled != nil && rules.Ruled(to): // where it is really going is hidden
		log.Info().Str("host", to.Authority()).Msg("an encrypted hello is refused where rules apply")
		how = refused
	case how == opened && p.distrust.has(client, to.Name):
		if how = rules.tunnel(to); rules.Ruled != nil && rules.Ruled(to) {
			how = refused
		}
	}
	switch how {
	case opened:
		v.Visit.To = to
		if h.tls {
			p.secure.put(v)
		} else {
			p.plain.put(v)
		}
	case tunnelled:
		p.through(v, there)
	default:
		log.Info().Str("host", to.Authority()).Msg("a redirected connection is refused")
		_ = c.Close()
	}
}

// through splices a connection to the address that it was going to. The network let the client go there, be it private; but
// what is link-local is never reached through us.
func (p *Proxy) through(c net.Conn, there netip.AddrPort) {
	defer c.Close()
	if !p.track(c) {
		return
	}
	defer p.forget(c)
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	far, err := p.dial(ctx, there.String(), true)
	cancel()
	if err != nil {
		p.o.Log.Info().Err(err).Stringer("target", there).Msg("a redirected connection's target cannot be reached")
		return
	}
	defer far.Close()
	Splice(c, far)
}
