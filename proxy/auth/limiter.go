package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// An address may fail failureBurst times at once, and once more every failureLeak: 10 a minute, 14,400 a day.
	failureBurst = 10
	failureLeak  = 6 * time.Second
	// maxFailing bounds the addresses that are remembered, at about 100 bytes each.
	maxFailing = 8192
)

// limiter counts failed attempts per address, an IPv6 network of 64 bits being one: a bucket that leaks.
type limiter struct {
	mu sync.Mutex
	m  map[netip.Prefix]time.Time // when the bucket will be empty
}

// network is what an attacker has one of.
func network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // the invalid address has the invalid prefix
	return p
}

// wait returns how long the address has to wait; 0: not at all.
func (l *limiter) wait(ip netip.Addr) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	empty, failed := l.m[network(ip)]
	if !failed {
		return 0
	}
	return max(0, time.Until(empty)-(failureBurst-1)*failureLeak)
}

func (l *limiter) fail(ip netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = make(map[netip.Prefix]time.Time)
	}
	now, n := time.Now(), network(ip)
	if _, ok := l.m[n]; !ok && len(l.m) >= maxFailing {
		l.sweep(now)
	}
	empty := l.m[n]
	if empty.Before(now) {
		empty = now
	}
	l.m[n] = empty.Add(failureLeak)
}

// sweep makes room: what has leaked away goes, and if that is nothing, any one.
func (l *limiter) sweep(now time.Time) {
	for n, empty := range l.m {
		if empty.Before(now) {
			delete(l.m, n)
		}
	}
	for n := range l.m {
		if len(l.m) < maxFailing {
			break
		}
		delete(l.m, n)
	}
}
