//go:build !linux

package main

import "net/netip"

// sameUser would tell whose process is at the other end of a connection; here nobody knows.
func sameUser(_, _ netip.AddrPort) bool { return false }
