package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Forward is the proxy for clients that set HTTP_PROXY and HTTPS_PROXY.
type Forward struct {
	// Tunnel says what becomes of hosts that are no registry: "allow" (default), "deny", or a list of the hosts that may
	// be reached. TunnelMode reads it.
	Tunnel cty.Value `hcl:"tunnel,optional"`
	// Clients are the addresses and CIDR ranges that may use the proxy. Default: loopback.
	Clients []string `hcl:"clients,optional"`
	// Untrusted is what happens to a client that does not trust our authority where a rule applies: refuse (default) or
	// tunnel.
	Untrusted string `hcl:"untrusted,optional"`
	// Learn opens every host and learns registries from their protocol. Default false.
	Learn bool `hcl:"learn,optional"`
	// Transparent is an address to listen on for connections that the network redirects here (Linux), for tools that know
	// of no proxy. Registries are opened by the name that the client asks for (TLS: SNI; else Host), everything else goes
	// through untouched. On the gateway, with clients behind the interface "lan" and port 8471 here:
	//
	//	table inet entrepot {
	//	  chain prerouting {
	//	    type nat hook prerouting priority dstnat
	//	    iifname "lan" tcp dport { 80, 443 } redirect to :8471
	//	  }
	//	  chain forward {                                # no way around by HTTP/3
	//	    type filter hook forward priority filter
	//	    iifname "lan" udp dport 443 reject
	//	  }
	//	}
	//
	// Clients has to name those clients. Default: none.
	Transparent string `hcl:"transparent,optional"`
	// Bypass are hosts that are never opened.
	Bypass []string `hcl:"bypass,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// TunnelMode returns "allow" or "deny"; with "deny", the hosts that may be reached all the same.
func (f *Forward) TunnelMode() (mode string, hosts []string) {
	if f.Tunnel.IsNull() {
		return "allow", nil
	}
	mode, ok := tunnelMode(f.Tunnel)
	if !ok || mode != "" {
		return mode, nil
	}
	for _, e := range f.Tunnel.AsValueSlice() {
		hosts = append(hosts, e.AsString())
	}
	return "deny", hosts
}

// tunnelMode returns the word that v is, or "" for a list of strings. ok is false for anything else.
func tunnelMode(v cty.Value) (mode string, ok bool) {
	switch {
	case v.IsNull():
		return "allow", true
	case !v.IsWhollyKnown():
		return "deny", false
	case v.Type() == cty.String:
		return v.AsString(), true
	case !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType():
		return "deny", false
	}
	for _, e := range v.AsValueSlice() {
		if e.IsNull() || e.Type() != cty.String {
			return "deny", false
		}
	}
	return "", true
}
