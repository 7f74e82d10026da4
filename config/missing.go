package config

import (
	"fmt"
)

// Unaddressed returns an error for every connection that a repository uses and whose address is not known: neither
// from its block nor, as known reports, from elsewhere. variable names the environment variable of a connection.
func (f *File) Unaddressed(known func(connection string) bool, variable func(connection string) string) Diagnostics {
	var ds Diagnostics
	for i := range f.Domains {
		for j := range f.Domains[i].Repositories {
			r := &f.Domains[i].Repositories[j]
			name := r.ExternalConnection
			if name == "" || f.hasURL(name) || known(name) {
				continue
			}
			ds = append(ds, Diagnostic{
				Range:   where(r.Body, r.DefRange, "external_connection"),
				Message: fmt.Sprintf("connection %q has no address", name),
				Suggestion: fmt.Sprintf("give it one: connection %q { url = \"…\" }, or set %s, or install the tool that knows it",
					name, variable(name)),
			})
		}
	}
	return ds.sorted().excerpt(f.src)
}

// hasURL reports whether the file gives the connection an address, if only a wrong one.
func (f *File) hasURL(name string) bool {
	c := f.Connection(name)
	return c != nil && (c.URL != "" || sets(c.Body, "url"))
}
