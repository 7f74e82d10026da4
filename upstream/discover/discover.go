// Package discover finds the addresses of registries, so that none has to stand in a program: in the environment, and
// in what the tools of this machine are set to use or have built in.
//
// It asks each tool from an empty directory, with user and global scope only, so that no checkout can redirect a
// shared cache. It takes addresses only: a credential that stands in one is left where it is. It never returns this
// server's own address, and it bounds the time, the output and the processes of every tool it starts.
package discover

import (
	"context"
	"sync"
)

// Address is where a connection's registry was found.
type Address struct {
	Connection string // "public:npmjs"
	Format     string // "npm"; empty if unknown
	// URL is absolute, http or https, without credentials, query and fragment. It is the address as the tool itself is
	// given it: for PyPI that of the simple index, for NuGet that of the service index.
	URL    string
	Source string            // who said so: "npm config get registry", "ENTREPOT_PUBLIC_NPMJS_URL" …
	Extra  map[string]string // what else was said; "sumdb" for Go: "NAME+HASH+KEY", or only the name if the key is unknown
}

// Options say how to ask.
type Options struct {
	// Formats are the connections to look for, with their formats.
	Formats map[string]string
	// Self are our own addresses, HOST:PORT, which are never an answer. One on loopback, or on every address of the
	// machine, stands for its port on all loopback names.
	Self []string
	// Environ is the environment that the tools see; nil: this process's.
	Environ []string
}

// Tools asks the tools of this machine and calls found for each connection that has an answer, as it comes and one
// call at a time. It returns when all have answered or their time is over, or when ctx ends. A tool that is not
// installed, or does not answer in 5 seconds, is passed over. The error says that nothing could be asked at all.
func Tools(ctx context.Context, o Options, found func(Address)) error {
	m, err := newMachine(o.Environ)
	if err != nil {
		return err
	}
	defer m.close()
	var (
		wg   sync.WaitGroup
		one  sync.Mutex
		self = newSelf(o.Self)
	)
	for connection, probes := range probes() {
		if _, wanted := o.Formats[connection]; !wanted {
			continue
		}
		wg.Go(func() {
			a, ok := ask(ctx, m, self, probes)
			if !ok || ctx.Err() != nil {
				return
			}
			a.Connection, a.Format = connection, o.Formats[connection]
			one.Lock()
			defer one.Unlock()
			found(a)
		})
	}
	wg.Wait()
	return nil
}

// answer is what a tool says.
type answer struct {
	urls  []string // in the tool's own order; "" ends the search: the tool is to use no registry
	extra map[string]string
}

// probe is one question to one tool.
type probe struct {
	source string
	ask    func(context.Context, *machine) (answer, error)
}

// ask puts one question after the other until a tool names an address that is not our own.
func ask(ctx context.Context, m *machine, self self, probes []probe) (Address, bool) {
	for _, p := range probes {
		got, err := p.ask(ctx, m)
		if err != nil {
			continue // not installed, or nothing set
		}
		for _, raw := range got.urls {
			if raw == "" {
				return Address{}, false
			}
			u, credential, err := clean(raw)
			if err != nil || self.is(u) {
				continue
			}
			a := Address{URL: u.String(), Source: p.source, Extra: got.extra}
			if credential {
				a.Source += " (without its credential)"
			}
			return a, true
		}
	}
	return Address{}, false
}
