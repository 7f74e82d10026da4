package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// sameUser reports whether the process at the other end of a connection on this machine belongs to the user that runs this
// one: then it may do whatever we do. Some tools (Maven before 3.9) show no credential to a proxy of the environment.
//
// The kernel lists its connections in /proc/net/tcp and tcp6: number, local address, remote address, state, two more
// columns, retransmissions, user. Addresses are hexadecimal, in words of the machine's own byte order.
func sameUser(client, server netip.AddrPort) bool {
	if !client.Addr().Unmap().Is4() || !server.Addr().Unmap().Is4() {
		return false
	}
	ours, theirs := entry(client), entry(server)
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			columns := strings.Fields(lines.Text())
			if len(columns) > 7 && strings.HasSuffix(columns[1], ours) && strings.HasSuffix(columns[2], theirs) {
				f.Close()
				uid, err := strconv.Atoi(columns[7])
				return err == nil && uid == os.Getuid()
			}
		}
		f.Close()
	}
	return false
}

// entry is an address as the last part of a column has it: an IPv4 address stands alone, or at the end of an IPv6 one.
func entry(a netip.AddrPort) string {
	b := a.Addr().Unmap().As4()
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", b[3], b[2], b[1], b[0], a.Port())
}
