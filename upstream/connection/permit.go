package connection

import "net/netip"

// Permit says whether anybody may be led to an address: never to link-local, multicast and metadata addresses, and to
// those that are not on the Internet only if private is set. The error says why not. It is the guard's own judgement, for
// what is dialled without a connection.
func Permit(ip netip.Addr, private bool) error { return (&guard{}).permit(ip, private) }
