package auth

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuthority(t)
		issued, _, _ := a.IssueTo(t.Context(), "ann", Request{})
		if got := who(t, a, basic("bob", "hashed"), abroad); got != "bob read" {
			t.Fatal(got)
		}
		for range failureBurst {
			if got := who(t, a, basic("ann", "guess"), abroad); got != "401" {
				t.Fatalf("%s, want 401", got)
			}
		}
		for name, want := range map[string]string{"plain": "429", "guess": "429"} { // even the right one is not looked at
			if got := who(t, a, basic("ann", name), abroad); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		// Who is known already, who has one of our tokens, who is elsewhere and who brings nothing are not hurt.
		if got := who(t, a, basic("bob", "hashed"), abroad); got != "bob read" {
			t.Errorf("a user who was let in before: %s", got)
		}
		if got := who(t, a, bearer(issued), abroad); got != "ann publish" {
			t.Errorf("an issued token: %s", got)
		}
		if got := who(t, a, basic("ann", "plain"), office); got != "ann publish" {
			t.Errorf("from elsewhere: %s", got)
		}
		if got := who(t, a, with(), abroad); got != "none" {
			t.Errorf("without a credential: %s", got)
		}
		time.Sleep(failureLeak)
		if got := who(t, a, basic("ann", "guess"), abroad); got != "401" {
			t.Errorf("after a while: %s", got)
		}
		if got := who(t, a, basic("ann", "guess"), abroad); got != "429" {
			t.Errorf("once more: %s", got)
		}
	})
}

// Health checks and clients without credentials are never counted, wherever they come from.
func TestProbesDoNotCount(t *testing.T) {
	a, _ := newAuthority(t)
	for range 10 * failureBurst {
		for _, remote := range []netip.Addr{local, abroad} {
			who(t, a, with(), remote)
			who(t, a, with("Authorization", "Bearer "), remote)
		}
	}
	if n := len(a.failures.m); n != 0 {
		t.Errorf("%d addresses are counted", n)
	}
}

func TestLimiterNetworks(t *testing.T) {
	var l limiter
	for range failureBurst {
		l.fail(netip.MustParseAddr("2001:db8:1:2::1"))
		l.fail(netip.MustParseAddr("::ffff:192.0.2.1"))
		l.fail(netip.Addr{})
	}
	for ip, limited := range map[string]bool{
		"2001:db8:1:2:ffff::9": true, "2001:db8:1:3::1": false, "192.0.2.1": true, "192.0.2.2": false,
	} {
		if got := l.wait(netip.MustParseAddr(ip)) > 0; got != limited {
			t.Errorf("%s limited: %v", ip, got)
		}
	}
	if l.wait(netip.Addr{}) == 0 {
		t.Error("clients without an address are not limited")
	}
}

func TestLimiterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		fill := func(first byte) {
			for i := range maxFailing + 1000 {
				l.fail(netip.AddrFrom4([4]byte{first, byte(i >> 16), byte(i >> 8), byte(i)}))
				if len(l.m) > maxFailing {
					t.Fatalf("%d addresses are remembered", len(l.m))
				}
			}
		}
		fill(10)
		time.Sleep(failureLeak + 1)
		l.fail(abroad) // there was no room: what leaked away goes
		if len(l.m) != 1 {
			t.Errorf("%d addresses are left", len(l.m))
		}
	})
}
