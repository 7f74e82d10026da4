package forward

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Target is where a request or a connection was going.
type Target struct {
	TLS  bool
	Name string // host name in lower case, without a final dot, or IP address
	Port uint16
}

// Authority is host and port.
func (t Target) Authority() string { return net.JoinHostPort(t.Name, strconv.Itoa(int(t.Port))) }

// Host is the host as in URLs: with the port if it is not the scheme's own.
func (t Target) Host() string {
	if t.Port != t.standard() {
		return t.Authority()
	}
	if strings.Contains(t.Name, ":") {
		return "[" + t.Name + "]"
	}
	return t.Name
}

// Scheme is https or http.
func (t Target) Scheme() string {
	if t.TLS {
		return "https"
	}
	return "http"
}

// Origin is scheme, host and port as a URL without a path.
func (t Target) Origin() string { return t.Scheme() + "://" + t.Host() }

func (t Target) standard() uint16 {
	if t.TLS {
		return 443
	}
	return 80
}

// is reports whether a Host header names the target.
func (t Target) is(host string) bool {
	other, err := parseTarget(host, t.TLS, true)
	return err == nil && other == t
}

// targetOf is the target of an absolute URL.
func targetOf(u *url.URL) (Target, error) {
	switch u.Scheme {
	case "http", "https":
		return parseTarget(u.Host, u.Scheme == "https", true)
	}
	return Target{}, fmt.Errorf("the scheme %.20q is not proxied", u.Scheme)
}

// parseTarget reads HOST:PORT. Without a port it is the scheme's, if that may be.
func parseTarget(authority string, secure, portless bool) (Target, error) {
	t := Target{TLS: secure}
	host, port, err := net.SplitHostPort(authority)
	if err != nil && portless {
		host, port, err = strings.TrimSuffix(strings.TrimPrefix(authority, "["), "]"), strconv.Itoa(int(t.standard())), nil
	}
	n, errPort := strconv.ParseUint(port, 10, 16)
	if err != nil || errPort != nil || n == 0 || host == "" || len(host) > 253+1 {
		return t, fmt.Errorf("%.100q is no host and port", authority)
	}
	t.Port = uint16(n)
	t.Name = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(t.Name); err == nil {
		if ip.Zone() != "" { // of link-local addresses, which nobody reaches through us
			return t, fmt.Errorf("%.100q has a zone", host)
		}
		t.Name = ip.Unmap().String()
		return t, nil
	}
	if strings.Contains("."+t.Name+".", "..") { // a label is empty (RFC 1035 §2.3.1), or all are
		return t, fmt.Errorf("%.100q is no host name", host)
	}
	for _, c := range []byte(t.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return t, fmt.Errorf("%.100q is no host name", host)
		}
	}
	return t, nil
}

// Visit says where a connection or a request was going, and from whom. It is immutable.
type Visit struct {
	To     Target
	Client netip.Addr
	Who    any // what Options.Authenticate said
	// Learn: the target need not be a registry that is known; see Rules.Learn.
	Learn bool
	// Traced: who has opened the connection wants to know what each response is about.
	Traced bool
}

type visitKey struct{}

// With marks a request as one that was going elsewhere.
func With(r *http.Request, v *Visit) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
}

// VisitOf says where a request was going that Options.Opened is given; nil: nowhere but here.
func VisitOf(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	return v
}

// ParseOrigin reads what Origin wrote.
func ParseOrigin(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, err
	}
	return targetOf(u)
}
