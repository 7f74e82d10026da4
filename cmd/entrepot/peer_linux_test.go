package main

import (
	"net"
	"net/netip"
	"testing"
)

func TestAProcessOfOursIsKnownByItsConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, host := range []string{"tcp4", "tcp"} {
		c, err := net.Dial(host, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		client, server := c.LocalAddr().(*net.TCPAddr).AddrPort(), l.Addr().(*net.TCPAddr).AddrPort()
		if !sameUser(client, server) {
			t.Error("it is not known")
		}
		if sameUser(netip.AddrPortFrom(client.Addr(), client.Port()^1), server) {
			t.Error("a connection that does not exist is ours")
		}
	}
}
