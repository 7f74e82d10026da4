package connection

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
)

// guard decides which addresses may be dialled. Documents and redirects name hosts, and whoever writes them might
// want to see what stands behind our firewall. It looks at the address after resolution, so a name that resolves to
// something else the second time gains nothing.
type guard struct {
	own     string         // the connection's own host:port: configured, so it may be private
	allow   []netip.Prefix // configured, too
	proxies sync.Map       // host:port of the proxies in use, which the environment or the configuration names
}

// never lists what is not a registry, whoever says so: link-local addresses and the metadata services of clouds, which
// hand out credentials.
var never = prefixes(
	"169.254.0.0/16", "fe80::/10", // link-local (RFC 3927, RFC 4291); most clouds' metadata
	"fd00:ec2::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", // metadata elsewhere
	"224.0.0.0/4", "ff00::/8", "255.255.255.255/32", // multicast, broadcast
)

// private lists what is not on the Internet (the IANA special-purpose registries, RFC 6890). The ranges for
// documentation are not in it: nobody has services there but laboratories, and those mean them to be reached.
var private = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	"100.64.0.0/10",                 // CGNAT (RFC 6598)
	"192.0.0.0/24", "198.18.0.0/15", // protocol assignments, benchmarks
	"240.0.0.0/4",                                // reserved
	"::/128", "::1/128", "fc00::/7", "fec0::/10", // unspecified, loopback, ULA, site-local
	"64:ff9b:1::/48", "100::/64", "2001::/32", // local NAT64, discard, Teredo
)

// Prefixes whose addresses carry an IPv4 address, and the byte where it begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64 (RFC 6052)
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4 (RFC 3056)
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible (RFC 4291, deprecated)
}

func prefixes(list ...string) []netip.Prefix {
	p := make([]netip.Prefix, len(list))
	for i, s := range list {
		p[i] = netip.MustParsePrefix(s)
	}
	return p
}

func anyContains(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// refusal is the guard's error.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

// permit decides about an address. configured says that configuration named the host, not a document.
func (g *guard) permit(ip netip.Addr, configured bool) error {
	ip = ip.Unmap().WithZone("")
	for _, e := range embedding {
		if e.prefix.Contains(ip) && ip != netip.IPv6Loopback() && ip != netip.IPv6Unspecified() {
			b := ip.As16()
			ip = netip.AddrFrom4([4]byte(b[e.at : e.at+4]))
		}
	}
	if anyContains(never, ip) {
		return &refusal{fmt.Sprintf("%s is a link-local, multicast or metadata address: never dialled", ip)}
	}
	if !configured && anyContains(private, ip) && !anyContains(g.allow, ip) {
		return &refusal{fmt.Sprintf("%s is a private address, and not one that the connection is allowed to reach", ip)}
	}
	return nil
}

// control returns the check that a net.Dialer makes of each address that the dialled host:port resolved to.
func (g *guard) control(dialled string) func(network, address string, _ syscall.RawConn) error {
	configured := g.configured(dialled)
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return &refusal{fmt.Sprintf("%q is no IP address", address)}
		}
		return g.permit(ap.Addr(), configured)
	}
}

func (g *guard) configured(hostport string) bool {
	hostport = strings.ToLower(hostport)
	_, proxy := g.proxies.Load(hostport)
	return proxy || hostport == g.own
}

// target checks a request's host before it is handed to a proxy, which does its own resolution: there, only what the
// address says itself can be judged.
func (g *guard) target(u *url.URL) error {
	hostport := authority(u)
	if hostport == g.own {
		return nil
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return g.permit(netip.AddrFrom4([4]byte{127, 0, 0, 1}), false)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.permit(ip, false)
	}
	return nil
}

// via remembers a proxy as a host that may be dialled.
func (g *guard) via(proxy *url.URL) {
	if proxy == nil {
		return
	}
	port := proxy.Port()
	switch {
	case port != "":
	case proxy.Scheme == "https":
		port = "443"
	case strings.HasPrefix(proxy.Scheme, "socks5"):
		port = "1080"
	default:
		port = "80"
	}
	g.proxies.Store(strings.ToLower(net.JoinHostPort(proxy.Hostname(), port)), true)
}
