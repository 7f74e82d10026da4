package config

import (
	"os"
	"path/filepath"
	"runtime"
)

// Defaults that other rooms need by name.
const (
	DefaultListen = "127.0.0.1:8470"
	// DefaultOwner owns a domain that names no owner; 12 zeros are no account of the service.
	DefaultOwner = "000000000000"
	// DefaultLimit is how many requests one connection runs at once: below the 100 streams that RFC 9113, 6.5.2 asks of
	// an h2 server.
	DefaultLimit = 64
	// DefaultFresh is how long an index document is fresh.
	DefaultFresh = Duration("5m")
)

// Default returns the configuration of an empty file.
func Default() *File {
	f := &File{}
	f.fill()
	return f
}

// fill gives every attribute that is not set its default.
func (f *File) fill() {
	set(&f.Listen, DefaultListen)
	set(&f.LogLevel, "info")
	if f.Storage == nil {
		f.Storage = &Storage{}
	}
	set(&f.Storage.Dir, dataDir())
	set(&f.Storage.Memory, "256MiB")
	if f.Forward == nil {
		f.Forward = &Forward{}
	}
	if f.Forward.Clients == nil {
		f.Forward.Clients = []string{"127.0.0.0/8", "::1/128"}
	}
	set(&f.Forward.Untrusted, "refuse")
	for i := range f.Connections {
		f.Connections[i].fill()
	}
	for i := range f.Domains {
		f.Domains[i].fill()
	}
	if f.Access != nil {
		f.Access.fill(f.defaultAccount())
	}
}

func (c *Connection) fill() {
	set(&c.Format, Public()[c.Name])
	set(&c.Limit, DefaultLimit)
	set(&c.Fresh, DefaultFresh)
	if c.Auth != nil && c.Auth.CodeArtifact != nil {
		set(&c.Auth.CodeArtifact.Duration, "12h")
	}
}

func (d *Domain) fill() {
	for i := range d.Rules {
		if r := &d.Rules[i]; r.Mode == "" {
			r.Mode = "enforce"
		}
	}
	set(&d.Owner, DefaultOwner)
	set(&d.Walk, "safe")
	set(&d.NpmTags, "nearest")
	for i := range d.Repositories {
		set(&d.Repositories[i].Walk, d.Walk)
		set(&d.Repositories[i].NpmTags, d.NpmTags)
	}
	for i := range d.PackageGroups {
		g := &d.PackageGroups[i]
		set(&g.Publish, "INHERIT")
		set(&g.ExternalUpstream, "INHERIT")
		set(&g.InternalUpstream, "INHERIT")
	}
}

func (a *Access) fill(account string) {
	for i := range a.Keys {
		set(&a.Keys[i].Account, account)
		set(&a.Keys[i].User, a.Keys[i].Name)
		set(&a.Keys[i].Policy, "read")
	}
	for i := range a.Tokens {
		set(&a.Tokens[i].Account, account)
		set(&a.Tokens[i].User, a.Tokens[i].Name)
		set(&a.Tokens[i].Policy, "read")
	}
	for i := range a.Users {
		set(&a.Users[i].Account, account)
		set(&a.Users[i].Policy, "read")
	}
}

// defaultAccount is the owner of the default domain.
func (f *File) defaultAccount() string {
	if len(f.Domains) > 0 {
		return f.Domains[0].Owner
	}
	return DefaultOwner
}

func set[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

// dataDir is $XDG_DATA_HOME/entrepot, with the default that the XDG base directory specification gives it.
func dataDir() string {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" && runtime.GOOS == "windows" {
		base = os.Getenv("LOCALAPPDATA")
	}
	if !filepath.IsAbs(base) { // the specification says to ignore relative paths
		home, _ := os.UserHomeDir()
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "entrepot")
}
