package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"

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
	out := &upstream.Connection{Name: name, Format: format}
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
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	allow, err := prefixes(c.Allow)
	if err != nil {
		return nil, err
	}
	credential, err := credential(c.Auth, u.Hostname())
	if err != nil {
		return nil, err
	}
	through, err := throughProxy(c.Proxy)
	if err != nil {
		return nil, err
	}
	version, _ := build()
	return connection.New(connection.Options{
		Name: c.Name, URL: u, Auth: credential, UserAgent: "entrepot/" + version, Via: h.via, Allow: allow, Limit: c.Limit, Proxy: through,
	})
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
