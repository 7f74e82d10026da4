// Package config reads the configuration of an Entrepôt: HCL, from one file and the files that it names.
//
// The structs of this package are the reference manual: a field is an attribute or a block of that name, and its
// comment says what it means, its unit, its limits and its default. config.example.hcl shows all of them.
//
// It guarantees that a File without errors can be built from: names follow the service's patterns, what is referred to
// exists, no walk is circular or too long, and every size, duration, address and pattern can be read. All problems are
// reported at once, each with its place. What is configured but not in force yet is an error too: nobody shall trust
// a rule that nothing enforces.
package config

import (
	"github.com/hashicorp/hcl/v2"
)

// File is a whole configuration.
type File struct {
	// Listen is the address of the one port, HOST:PORT. Default 127.0.0.1:8470.
	Listen string `hcl:"listen,optional"`
	// PublicURL is the address by which clients know this server, where a proxy in front hides it:
	// http(s)://HOST[:PORT][/PREFIX]. Default: what the request says, if Hosts admits it.
	PublicURL string `hcl:"public_url,optional"`
	// Hosts are the Host names that a request may carry, without port; "*.NAME" admits every name below NAME. The
	// listening address, loopback names and the host of PublicURL are always admitted.
	Hosts []string `hcl:"hosts,optional"`
	// TrustedProxies are addresses or CIDR ranges whose Forwarded and X-Forwarded-* headers are believed. Default: none.
	TrustedProxies []string `hcl:"trusted_proxies,optional"`
	// Region is what SigV4 credential scopes and ARNs must name. Unset: any region is accepted.
	Region string `hcl:"region,optional"`
	// LogLevel is the least level that is logged: trace, debug, info, warn or error. Default info.
	LogLevel string `hcl:"log_level,optional"`

	TLS         *TLS         `hcl:"tls,block"`
	Storage     *Storage     `hcl:"storage,block"` // never nil once loaded
	Connections []Connection `hcl:"connection,block"`
	Domains     []Domain     `hcl:"domain,block"`  // the first is the default domain
	Access      *Access      `hcl:"access,block"`  // nil: none declared
	Forward     *Forward     `hcl:"forward,block"` // never nil once loaded

	Body   hcl.Body `hcl:",body"`
	inputs []string
	src    []byte
}

// TLS makes the port speak TLS: with a certificate of its own, or with a leaf of this server's authority. Maven, .NET
// and Swift refuse plain HTTP off loopback.
type TLS struct {
	// Cert and Key are paths of PEM files, relative to the configuration file. Both or none.
	Cert string `hcl:"cert,optional"`
	Key  string `hcl:"key,optional"`
	// Self takes a leaf of this server's own authority, for the names in hosts and public_url. Not together with Cert.
	Self bool `hcl:"self,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Storage says where everything is kept and how much of it.
type Storage struct {
	// Dir is the data directory, relative to the configuration file. Default $XDG_DATA_HOME/entrepot.
	Dir string `hcl:"dir,optional"`
	// Memory is the budget of the whole process; the memory tier takes half of it. At least 32MiB. Default 256MiB.
	Memory Size `hcl:"memory,optional"`
	// MaxSize bounds the stored bytes: past it, what a connection can still give again is evicted, least recently used
	// first. What was published here is never evicted. Default: no bound but the disk's.
	MaxSize Size `hcl:"max_size,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Inputs returns the absolute paths of the files that were read, or that were asked for and are missing: the
// configuration file first. Watch needs them.
func (f *File) Inputs() []string { return append([]string(nil), f.inputs...) }

// Domain returns the domain with that name, or nil.
func (f *File) Domain(name string) *Domain {
	for i := range f.Domains {
		if f.Domains[i].Name == name {
			return &f.Domains[i]
		}
	}
	return nil
}

// Connection returns the connection block with that name, or nil. A connection can be used without a block.
func (f *File) Connection(name string) *Connection {
	for i := range f.Connections {
		if f.Connections[i].Name == name {
			return &f.Connections[i]
		}
	}
	return nil
}
