package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"entrepot/config"
	"entrepot/proxy/forward/authority"
)

// caDir is where the data directory keeps the certificate authority.
func caDir(dir string) string { return filepath.Join(dir, "ca") }

// portTLS is how the port speaks TLS; nil: it does not.
func portTLS(file *config.File, dir string, log zerolog.Logger) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch t := file.TLS; {
	case t == nil:
		return nil, nil
	case t.Self:
		ca, err := authority.Open(caDir(dir))
		if err != nil {
			return nil, err
		}
		n := namesOf(file)
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return n.certificate(ca, hello) }
	default:
		p := &pair{cert: t.Cert, key: t.Key, log: log}
		if _, err := p.load(); err != nil {
			return nil, err
		}
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.load() }
	}
	return c, nil
}

// names are those that clients may call the port by.
type names struct {
	fixed []string // in one certificate
	below []string // ".example": each name that ends so has a certificate of its own
}

func namesOf(file *config.File) *names {
	n := &names{fixed: []string{"localhost", "127.0.0.1", "::1"}}
	listen, _, _ := net.SplitHostPort(file.Listen)
	given := append([]string{listen}, file.Hosts...)
	if u, err := url.Parse(file.PublicURL); err == nil {
		given = append(given, u.Hostname())
	}
	for _, name := range given {
		name = strings.ToLower(name)
		ip, err := netip.ParseAddr(name)
		switch suffix, wild := strings.CutPrefix(name, "*"); {
		case name == "", err == nil && ip.IsUnspecified(), slices.Contains(n.fixed, name):
		case wild:
			n.below = append(n.below, suffix)
		default:
			n.fixed = append(n.fixed, name)
		}
	}
	return n
}

// certificate answers a client's hello. One that asks for a name that is not ours gets the certificate that we have,
// and refuses it.
func (n *names) certificate(ca *authority.Authority, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	asked := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if asked == "" { // by address: SNI has names only (RFC 6066, 3)
		if local, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
			ip := local.AddrPort().Addr().Unmap().WithZone("").String()
			if !slices.Contains(n.fixed, ip) {
				return ca.Leaf(append(slices.Clone(n.fixed), ip)...)
			}
		}
	}
	if !slices.Contains(n.fixed, asked) && slices.ContainsFunc(n.below, func(s string) bool { return strings.HasSuffix(asked, s) }) {
		return ca.Leaf(asked)
	}
	return ca.Leaf(n.fixed...)
}

// pair is a certificate and its key in files that somebody renews. It looks at them at each handshake: that costs 3 µs
// of some 600.
type pair struct {
	cert, key string
	log       zerolog.Logger

	mu     sync.Mutex
	stamps [2]fileStamp // of the files that were looked at last
	loaded *tls.Certificate
}

type fileStamp struct {
	modified time.Time
	size     int64
}

// load returns the certificate. One that was replaced by what cannot be used is served on.
func (p *pair) load() (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var now [2]fileStamp
	for i, path := range []string{p.cert, p.key} {
		if info, err := os.Stat(path); err == nil {
			now[i] = fileStamp{info.ModTime(), info.Size()}
		} else if p.loaded == nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	if p.loaded != nil && now == p.stamps {
		return p.loaded, nil
	}
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err == nil && time.Now().After(c.Leaf.NotAfter) {
		err = errors.New("it has expired on " + c.Leaf.NotAfter.Format(time.DateOnly))
	}
	p.stamps = now
	switch {
	case err == nil:
		p.loaded = &c
	case p.loaded == nil:
		return nil, fmt.Errorf("tls: %s and %s: %w", p.cert, p.key, err)
	default:
		p.log.Error().Err(err).Str("cert", p.cert).Msg("the new certificate cannot be used; the old one stays")
	}
	return p.loaded, nil
}
