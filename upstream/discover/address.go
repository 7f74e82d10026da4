package discover

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

var (
	errNoURL = errors.New("no http or https address")
	errQuery = errors.New("an address with a query or a fragment")
)

// clean reads an address and takes its credential away, if it has one. The errors do not repeat it.
func clean(raw string) (u *url.URL, credential bool, err error) {
	u, err = url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, false, errNoURL
	case u.RawQuery != "" || u.Fragment != "":
		return nil, false, errQuery
	}
	credential, u.User = u.User != nil, nil
	return u, credential, nil
}

// self are the addresses by which we are known.
type self struct {
	hosts []string // HOST:PORT, lower case
	ports []string // of loopback
}

func newSelf(addresses []string) self {
	var s self
	for _, a := range addresses {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		s.hosts = append(s.hosts, strings.ToLower(a))
		if host == "" || loopback(host) {
			s.ports = append(s.ports, port)
		}
	}
	return s
}

// is reports whether u leads to ourselves.
func (s self) is(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return slices.Contains(s.hosts, strings.ToLower(net.JoinHostPort(u.Hostname(), port))) ||
		loopback(u.Hostname()) && slices.Contains(s.ports, port)
}

// loopback reports whether a host is this machine, or stands for every address of it. RFC 6761, 6.3: localhost and
// what is below it.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		return host == "localhost" || strings.HasSuffix(host, ".localhost")
	}
	return ip.Unmap().IsLoopback() || ip.IsUnspecified()
}
