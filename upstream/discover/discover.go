// Package discover finds the addresses of registries, so that none has to stand in a program: in the environment, and
// in what the tools of this machine are set to use or have built in.
//
// It asks each tool from an empty directory, with user and global scope only, so that no checkout can redirect a
// shared cache. It takes addresses only: a credential that stands beside one is left where it is. It never returns
// this server's own address, and it bounds the time, the output and the processes of every tool it starts.
package discover

import "context"

// Address is where a connection's registry was found.
type Address struct {
	Connection string            // "public:npmjs"
	Format     string            // "npm"; empty if unknown
	URL        string            // absolute, http or https, without credentials
	Source     string            // who said so: "npm config get registry", "ENTREPOT_PUBLIC_NPMJS_URL" …
	Extra      map[string]string // what else was said; "sumdb" for Go: GOSUMDB's value
}

// Options say how to ask.
type Options struct {
	// Formats are the connections to look for and their formats.
	Formats map[string]string
	// Self are our own addresses, HOST:PORT, which are never an answer. Loopback addresses are compared by port.
	Self []string
}

// Tools asks every tool of this machine at once and calls found for each answer, as it comes and one call at a time.
// It returns when all have answered or their time is over, or when ctx ends.
func Tools(ctx context.Context, o Options, found func(Address)) {}

// EnvName is the variable that gives a connection's address: ENTREPOT_PUBLIC_NPMJS_URL for public:npmjs.
func EnvName(connection string) string { return "" }

// FromEnvironment returns the addresses that the environment gives. formats are the known connections and their
// formats.
func FromEnvironment(environ []string, formats map[string]string) []Address { return nil }
