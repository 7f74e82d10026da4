package forward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// keepAlive finds peers that are gone: a tunnel may be silent for days, but not dead.
	keepAlive = 30 * time.Second
)

// tunnel carries bytes between a client and a target until both have ended. hello goes to the client when the target is
// reached.
func (p *Proxy) tunnel(c net.Conn, to Target, client netip.Addr, hello []byte) {
	defer c.Close()
	if !p.track(c) {
		return
	}
	defer p.forget(c)
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	there, err := p.reach(ctx, to, client.IsLoopback())
	cancel()
	if err != nil {
		p.o.Log.Info().Err(err).Str("host", to.Authority()).Stringer("client", client).Msg("a tunnel's target cannot be reached")
		if len(hello) > 0 {
			_ = (&refusal{status: http.StatusBadGateway, reason: to.Authority() + " cannot be reached: " + reason(err)}).response(nil).Write(c)
		}
		return
	}
	defer there.Close()
	if _, err := c.Write(hello); err != nil {
		return
	}
	Splice(c, there)
}

// reason is an error without what it says about our own network.
func reason(err error) string {
	var no *notPermitted
	var dns *net.DNSError
	switch {
	case errors.As(err, &no):
		return no.Error()
	case errors.As(err, &dns):
		return "its name is not known"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "it does not answer"
	}
	return "it refuses"
}

func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.tunnels[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.tunnels, c)
}

// Splice carries bytes both ways until both sides have ended. Between bare TCP connections the kernel does it, without a buffer of ours.
func Splice(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		carry(b, a)
	}()
	carry(a, b)
	<-done
}

// carry copies until from ends, and says so to to.
func carry(to, from net.Conn) {
	in, out := io.Reader(from), io.Writer(to)
	if tcp, head := bare(from); tcp != nil {
		if _, err := to.Write(head); err != nil {
			_ = from.Close()
			return
		}
		in = tcp
	}
	if tcp, _ := bare(to); tcp != nil {
		out = tcp
	}
	_, err := io.Copy(out, in)
	if half, ok := out.(interface{ CloseWrite() error }); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	_ = to.Close()
	_ = from.Close()
}

// reach connects to a target, by way of the parent proxy if there is one.
func (p *Proxy) reach(ctx context.Context, to Target, private bool) (net.Conn, error) {
	parent, err := p.o.Parent(&http.Request{URL: &url.URL{Scheme: "https", Host: to.Authority()}})
	if err != nil {
		return nil, err
	}
	if parent == nil {
		return p.dial(ctx, to.Authority(), private)
	}
	if ip, err := netip.ParseAddr(to.Name); err == nil { // names are the parent's to resolve
		if err := p.o.Permit(ip, private); err != nil {
			return nil, &notPermitted{err}
		}
	}
	return throughParent(ctx, parent, to)
}

// dial connects to an address that Permit admits.
func (p *Proxy) dial(ctx context.Context, authority string, private bool) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err == nil {
			err = p.o.Permit(ap.Addr(), private)
		}
		if err != nil {
			return &notPermitted{err}
		}
		return nil
	}}
	return d.DialContext(ctx, "tcp", authority)
}

// notPermitted is the error for an address that may not be dialled.
type notPermitted struct{ err error }

func (n *notPermitted) Error() string { return n.err.Error() }
func (n *notPermitted) Unwrap() error { return n.err }

// throughParent asks another proxy for a tunnel.
func throughParent(ctx context.Context, parent *url.URL, to Target) (net.Conn, error) {
	if parent.Scheme != "http" {
		return nil, fmt.Errorf("a proxy of scheme %q is not supported for tunnels", parent.Scheme)
	}
	port := parent.Port()
	if port == "" {
		port = "80"
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(parent.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", parent.Host, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to.Authority()}, Host: to.Authority(), Header: http.Header{}}
	if parent.User != nil {
		password, _ := parent.User.Password()
		r.SetBasicAuth(parent.User.Username(), password)
		r.Header["Proxy-Authorization"] = r.Header["Authorization"]
		delete(r.Header, "Authorization")
	}
	if err := r.Write(c); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("proxy %s: %w", parent.Host, err)
	}
	in := bufio.NewReaderSize(c, 4<<10)
	resp, err := http.ReadResponse(in, r)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answered %s", resp.Status)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("proxy %s: %w", parent.Host, err)
	}
	early, _ := in.Peek(in.Buffered())
	return &visitor{Conn: c, head: early}, nil
}
