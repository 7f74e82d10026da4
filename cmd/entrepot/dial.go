package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"syscall"

	"entrepot/config"
	"entrepot/proxy"
	"entrepot/upstream"
	"entrepot/upstream/connection"
)

// line is a connection's client and what it was made of.
type line struct {
	*connection.Connection
	settings config.Connection
	url      string
}

// connection returns a repository's way to a registry, over a client that is kept while its settings stay the same.
func (h *house) connection(file *config.File, name string) (*upstream.Connection, error) {
	format := file.ConnectionFormat(name)
	settings := config.Connection{Name: name}
	if c := file.Connection(name); c != nil {
		settings = *c
	}
	address := settings.URL
	if address == "" {
		if a, ok := h.addresses.of(name); ok {
			address, format = a.URL, or(format, a.Format)
		}
	}
	out := &upstream.Connection{Name: name, Format: format, Credential: settings.Auth != nil}
	if address == "" {
		out.Client = unaddressed(name)
		return out, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.connections[name]
	if kept == nil || kept.url != address || !reflect.DeepEqual(plain(kept.settings), plain(settings)) {
		client, err := h.dial(settings, address)
		if err != nil {
			return nil, err
		}
		kept = &line{client, settings, address}
		h.connections[name] = kept
	}
	out.Client = kept.Connection
	return out, nil
}

// plain is a connection's settings without the places where they stand.
func plain(c config.Connection) config.Connection {
	c.Body, c.DefRange = nil, config.Connection{}.DefRange
	if c.Auth != nil {
		a := *c.Auth
		a.Body, a.DefRange = nil, config.Auth{}.DefRange
		c.Auth = &a
	}
	return c
}

// dial makes a connection's client.
func (h *house) dial(c config.Connection, address string) (*connection.Connection, error) {
	o, err := h.options(c, address)
	if err != nil {
		return nil, err
	}
	return connection.New(o)
}

// dialGuarded makes the client of a connection that nobody configured. public: not even the registry itself may stand at a
// private address.
func (h *house) dialGuarded(c config.Connection, address string, public bool) (*connection.Connection, error) {
	o, err := h.options(c, address)
	if err != nil {
		return nil, err
	}
	if public {
		d := net.Dialer{Timeout: connection.DefaultConnectTimeout, Control: func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return connection.Permit(ap.Addr(), false)
		}}
		o.Dial = d.DialContext
	}
	return connection.New(o)
}

func (h *house) options(c config.Connection, address string) (o connection.Options, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return o, err
	}
	allow, err := prefixes(c.Allow)
	if err != nil {
		return o, err
	}
	credential, err := credential(c.Auth, u.Hostname())
	if err != nil {
		return o, err
	}
	through, err := throughProxy(c.Proxy)
	if err != nil {
		return o, err
	}
	version, _ := build()
	return connection.Options{
		Name: c.Name, URL: u, Auth: credential, UserAgent: "entrepot/" + version, Via: h.via, Allow: allow, Limit: c.Limit, Proxy: through,
	}, nil
}

// credential is what a connection shows to its registry.
func credential(a *config.Auth, host string) (connection.Auth, error) {
	switch {
	case a == nil:
		return nil, nil
	case a.Bearer != "":
		return connection.Bearer(a.Bearer.Reveal()), nil
	case a.Basic != nil:
		return connection.Basic{User: a.Basic.Username, Password: a.Basic.Password.Reveal()}, nil
	case a.Header != nil:
		return connection.Header{Name: a.Header.Name, Value: a.Header.Value.Reveal()}, nil
	case a.Netrc != "":
		f, err := os.Open(a.Netrc)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return connection.Netrc(f, host)
	}
	return nil, errors.New("this kind of auth is not supported yet")
}

// throughProxy is the HTTP proxy on the way to a registry; nil: as the environment says.
func throughProxy(setting string) (func(*http.Request) (*url.URL, error), error) {
	switch setting {
	case "":
		return nil, nil
	case "none":
		return func(*http.Request) (*url.URL, error) { return nil, nil }, nil
	}
	u, err := url.Parse(setting)
	if err != nil {
		return nil, err
	}
	return http.ProxyURL(u), nil
}

// registryCheck says how a connection's registry is doing.
func registryCheck(c upstream.Client) proxy.Check {
	check := proxy.Check{Name: c.Name(), OK: true, Advisory: true}
	switch c := c.(type) {
	case unaddressed:
		check.OK, check.Detail = false, c.err().Error()
	case *connection.Connection:
		s := c.State()
		if check.OK = s.Breaker == connection.BreakerClosed; !check.OK {
			check.Detail = fmt.Sprintf("not asked until %s: %v", s.Until.Format("15:04:05"), s.LastError)
		}
	}
	return check
}
