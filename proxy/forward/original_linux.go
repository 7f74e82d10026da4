package forward

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// OriginalDestination asks the kernel where a connection was going before netfilter redirected it (SO_ORIGINAL_DST and
// IP6T_SO_ORIGINAL_DST, which have the same number).
func OriginalDestination(c net.Conn) (netip.AddrPort, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return netip.AddrPort{}, errors.New("no TCP connection")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	local := tcp.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	var out netip.AddrPort
	var failed error
	err = raw.Control(func(fd uintptr) {
		if local.Is4() {
			out, failed = original4(int(fd))
		} else {
			out, failed = original6(int(fd))
		}
	})
	return out, errors.Join(err, failed)
}

// original4 reads a sockaddr_in; the only getter of x/sys with 16 bytes and more is the one for group memberships.
func original4(fd int) (netip.AddrPort, error) {
	m, err := unix.GetsockoptIPv6Mreq(fd, syscall.IPPROTO_IP, unix.SO_ORIGINAL_DST)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b := m.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4])), nil
}

// original6 reads a sockaddr_in6, with which an IPv6MTUInfo begins.
func original6(fd int) (netip.AddrPort, error) {
	m, err := unix.GetsockoptIPv6MTUInfo(fd, syscall.IPPROTO_IPV6, unix.SO_ORIGINAL_DST)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port := make([]byte, 2)
	binary.NativeEndian.PutUint16(port, m.Addr.Port)
	return netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr), binary.BigEndian.Uint16(port)), nil
}
