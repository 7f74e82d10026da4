package main

import (
	"bytes"

	"entrepot/config"
	"entrepot/upstream/discover"
)

// zeroDomains are the domains of a server without a configuration: what init would write for the addresses that are
// known by now.
func zeroDomains(found []discover.Address) ([]config.Domain, error) {
	var text bytes.Buffer
	if err := discover.Write(&text, found); err != nil {
		return nil, err
	}
	file, problems := config.Parse(text.Bytes(), "zero configuration")
	return file.Domains, problems.Err()
}
