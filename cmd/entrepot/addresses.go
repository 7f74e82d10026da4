package main

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"entrepot/config"
	"entrepot/upstream/discover"
)

// addresses are where connections' registries were found. The first place that names one counts: the environment
// before what was remembered, that before the tools of the machine.
type addresses struct {
	mu    sync.Mutex
	known map[string]discover.Address
}

func newAddresses() *addresses { return &addresses{known: map[string]discover.Address{}} }

// learn adds an address of a connection that has none yet, and reports whether it was news.
func (a *addresses) learn(x discover.Address) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.known[x.Connection]; known {
		return false
	}
	a.known[x.Connection] = x
	return true
}

func (a *addresses) of(connection string) (discover.Address, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, ok := a.known[connection]
	return x, ok
}

// list returns them by the connections' names.
func (a *addresses) list() []discover.Address {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []discover.Address
	for _, x := range a.known {
		out = append(out, x)
	}
	slices.SortFunc(out, func(x, y discover.Address) int { return strings.Compare(x.Connection, y.Connection) })
	return out
}

// self are the addresses by which this server is known, which are no registry's.
func self(file *config.File) []string {
	out := []string{file.Listen}
	if u, err := url.Parse(file.PublicURL); err == nil && u.Host != "" {
		out = append(out, u.Host)
	}
	return out
}
