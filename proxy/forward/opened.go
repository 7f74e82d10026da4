package forward

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// certificate makes the certificate of an opened connection: for the name that it was going to, and no other.
func (p *Proxy) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	v := visitorOf(hello.Conn)
	if v == nil {
		return nil, fmt.Errorf("a connection that is going nowhere")
	}
	if name := strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")); name != "" && name != v.To.Name {
		return nil, fmt.Errorf("a connection to %s asks for the certificate of %.100q", v.To.Name, name)
	}
	return p.o.Authority.Leaf(v.To.Name)
}

// inside serves a request of an opened connection.
func (p *Proxy) inside(w http.ResponseWriter, r *http.Request) {
	v := VisitOf(r.Context())
	if v == nil {
		refuse(w, http.StatusMisdirectedRequest, "a connection that is going nowhere")
		return
	}
	to := v.To
	switch {
	case r.Method == http.MethodConnect:
		refuse(w, http.StatusMethodNotAllowed, "CONNECT in a connection that is open already")
	case !to.is(r.Host), r.URL.IsAbs() && !to.is(r.URL.Host): // what was decided about the target would be walked around
		refuse(w, http.StatusMisdirectedRequest, "the connection was made to "+to.Host()+", and not to the host of this request")
	default:
		r.URL.Scheme, r.URL.Host, r.URL.User = "", "", nil
		p.o.Opened.ServeHTTP(w, r)
	}
}

const untrusting = "this client does not trust the authority that opens connections, and rules apply here; see `entrepot env`"

// handshakeFailed hears of clients that fail at TLS.
func (p *Proxy) handshakeFailed(c net.Conn, err error) {
	v := visitorOf(c)
	if v == nil || !distrusts(err) {
		p.o.Log.Debug().Err(err).Msg("a client failed at TLS")
		return
	}
	if p.distrust.add(v.Client, v.To.Name) {
		p.o.Log.Warn().Stringer("client", v.Client).Str("host", v.To.Name).Err(err).
			Msg("a client does not trust our authority, so what it does with this host is not seen; `entrepot env` prints what to set")
	}
}

// distrusts reports whether a client's alert says that it does not trust the certificate (RFC 8446, 6.2). crypto/tls has
// no type for alerts that come from the other side. OpenSSL sends this one in the clear, which looks like a broken record.
func distrusts(err error) bool {
	s := err.Error()
	remote := strings.Contains(s, "remote error")
	return remote && (strings.Contains(s, "unknown certificate") || strings.Contains(s, "bad certificate") || strings.Contains(s, "certificate unknown")) ||
		!remote && strings.Contains(s, "bad record MAC")
}

// distrust remembers which clients do not trust us for which hosts.
type distrust struct {
	mu    sync.Mutex
	until map[distrusted]time.Time
}

type distrusted struct {
	client netip.Addr
	host   string
}

const (
	// distrustFor is how long a client is not tried again: its owner may have set what was missing.
	distrustFor = 10 * time.Minute
	// maxDistrusted bounds the memory: 100 bytes each.
	maxDistrusted = 4096
)

func (d *distrust) has(client netip.Addr, host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.until[distrusted{client, host}])
}

// add reports whether that is news.
func (d *distrust) add(client netip.Addr, host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.until == nil || len(d.until) >= maxDistrusted {
		d.until = make(map[distrusted]time.Time) // whoever is forgotten fails once more
	}
	k := distrusted{client, host}
	_, known := d.until[k]
	d.until[k] = now.Add(distrustFor)
	return !known
}
