//go:build !linux

package forward

import (
	"errors"
	"net"
	"net/netip"
)

// OriginalDestination asks the kernel where a connection was going before it was redirected. Only Linux is asked.
func OriginalDestination(net.Conn) (netip.AddrPort, error) {
	return netip.AddrPort{}, errors.New("transparent mode needs Linux")
}
