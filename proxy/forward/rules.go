package forward

import (
	"net/netip"
	"slices"
	"strings"
)

// Rules say who may use the proxy, and what becomes of a target. They are immutable.
type Rules struct {
	Clients []netip.Prefix
	// Tunnel lets everything pass that is not opened; else only the hosts of TunnelTo.
	Tunnel   bool
	TunnelTo []string // "host", or "*.host" for those below it
	Bypass   []string // hosts that are never opened
	// Opens reports whether a target is a registry. For CONNECT it is asked with TLS set, whatever the client will speak.
	Opens func(Target) bool
	// Configured reports whether whoever runs this named the target: it may stand at a private address, whoever asks. nil: none.
	Configured func(Target) bool
	// Learn opens every target, to see whether it is a registry.
	Learn bool
	// Ruled reports whether a rule applies to what a target serves: then a client that does not trust us is refused
	// there, and not tunnelled.
	Ruled func(Target) bool
	// Own reports whether a target is this server itself; nil: it never is.
	Own func(Target) bool
}

// verdict is what becomes of a target.
type verdict int

const (
	refused verdict = iota
	tunnelled
	opened
)

func (r *Rules) admits(client netip.Addr) bool {
	return slices.ContainsFunc(r.Clients, func(p netip.Prefix) bool { return p.Contains(client) })
}

func (r *Rules) own(t Target) bool { return r.Own != nil && r.Own(t) }

func (r *Rules) decide(t Target) verdict {
	if !named(r.Bypass, t.Name) && (r.Learn || r.Opens(t)) {
		return opened
	}
	return r.tunnel(t)
}

func (r *Rules) tunnel(t Target) verdict {
	if r.Tunnel || named(r.TunnelTo, t.Name) || named(r.Bypass, t.Name) {
		return tunnelled
	}
	return refused
}

func (r *Rules) refusal(t Target) string {
	return t.Name + " is no registry that is known here, and tunnels to other hosts are not allowed; see tunnel in the block forward"
}

// named reports whether a list has the host.
func named(list []string, host string) bool {
	return slices.ContainsFunc(list, func(h string) bool {
		below, wild := strings.CutPrefix(strings.ToLower(h), "*")
		return below == host || wild && strings.HasPrefix(below, ".") && strings.HasSuffix(host, below)
	})
}

// reachable reports whether a client may tunnel to a port. Clients on this machine could go there by themselves; for others
// this is no way to send mail or to scan what listens on the ports of old services.
func reachable(client netip.Addr, port uint16) bool {
	const firstUnprivileged = 1024
	return client.IsLoopback() || port == 443 || port == 80 || port >= firstUnprivileged
}
