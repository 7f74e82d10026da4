package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// minMemory is the least budget of a process: it holds 30 MB when idle.
const minMemory = 32 << 20

// checker looks for what decoding cannot see. It says nothing about a value that has already been complained of.
type checker struct {
	f       *File
	partial bool        // the syntax is broken: what seems not to be declared may just not have been read
	before  Diagnostics // what decoding said
	out     Diagnostics
}

// check cross-checks whatever was decoded.
func check(f *File, partial bool, before Diagnostics) Diagnostics {
	c := &checker{f: f, partial: partial, before: before}
	c.file()
	c.tls()
	c.storage()
	c.connections()
	c.domains()
	c.access()
	c.forward()
	return c.out
}

// wrong reports a problem at r.
func (c *checker) wrong(r hcl.Range, suggestion, format string, args ...any) {
	for _, d := range c.before {
		if r.Start.Byte <= d.Range.Start.Byte && d.Range.Start.Byte < r.End.Byte {
			return
		}
	}
	c.out = append(c.out, Diagnostic{Range: r, Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// missing reports that something is not declared anywhere.
func (c *checker) missing(r hcl.Range, suggestion, format string, args ...any) {
	if !c.partial {
		c.wrong(r, suggestion, format, args...)
	}
}

// at is the place of an attribute in one block.
type at func(attribute string, i ...int) hcl.Range

func inBlock(b hcl.Body, def hcl.Range) at {
	return func(attribute string, i ...int) hcl.Range { return where(b, def, attribute, i...) }
}

func (c *checker) file() {
	f, at := c.f, inBlock(c.f.Body, hcl.Range{})
	if _, port, err := net.SplitHostPort(f.Listen); err != nil || port == "" {
		c.wrong(at("listen"), "write HOST:PORT, or :PORT for every address", "listen: %q is no address to listen on", f.Listen)
	}
	if f.PublicURL != "" {
		c.address(at("public_url"), "public_url", f.PublicURL)
	}
	for i, h := range f.Hosts {
		if !hostName.MatchString(strings.TrimPrefix(h, "*.")) {
			c.wrong(at("hosts", i), "write a name without scheme and port, such as \"packages.example\" or \"*.packages.example\"",
				"hosts: %q is no host name", h)
		}
	}
	c.ranges(at, "trusted_proxies", f.TrustedProxies)
	if f.Region != "" && !regionName.MatchString(f.Region) {
		c.wrong(at("region"), "", "region: %q is no region: lower-case letters, digits and \"-\"", f.Region)
	}
	c.word(at("log_level"), "log_level", f.LogLevel, "trace", "debug", "info", "warn", "error")
}

func (c *checker) tls() {
	t := c.f.TLS
	if t == nil {
		return
	}
	switch {
	case t.Self && (t.Cert != "" || t.Key != ""):
		c.wrong(t.DefRange, "", "tls has self and a certificate of its own: choose one")
	case !t.Self && (t.Cert == "") != (t.Key == ""):
		c.wrong(t.DefRange, "", "tls needs cert and key together")
	case !t.Self && t.Cert == "":
		c.wrong(t.DefRange, "", "tls needs cert and key, or self = true")
	}
}

func (c *checker) storage() {
	s, at := c.f.Storage, inBlock(c.f.Storage.Body, c.f.Storage.DefRange)
	c.size(at("memory"), "memory", s.Memory, minMemory)
	c.size(at("max_size"), "max_size", s.MaxSize, 1<<20)
}

func (c *checker) size(r hcl.Range, name string, s Size, least int64) {
	if s == "" {
		return
	}
	n, err := ParseSize(string(s))
	if err != nil {
		c.wrong(r, "", "%s: %v", name, err)
	} else if n < least {
		c.wrong(r, "", "%s: %s is less than %d MiB", name, string(s), least>>20)
	}
}

func (c *checker) forward() {
	f, at := c.f.Forward, inBlock(c.f.Forward.Body, c.f.Forward.DefRange)
	if mode, ok := tunnelMode(f.Tunnel); !ok {
		c.wrong(at("tunnel"), "", "tunnel is \"allow\", \"deny\" or a list of hosts")
	} else if mode != "" {
		c.word(at("tunnel"), "tunnel", mode, "allow", "deny")
	}
	c.ranges(at, "clients", f.Clients)
	c.word(at("untrusted"), "untrusted", f.Untrusted, "refuse", "tunnel")
	if _, port, err := net.SplitHostPort(f.Transparent); f.Transparent != "" && (err != nil || port == "") {
		c.wrong(at("transparent"), "write HOST:PORT, or :PORT for every address", "transparent: %q is no address to listen on", f.Transparent)
	}
}

// word checks that a value is one of a few words.
func (c *checker) word(r hcl.Range, name, value string, words ...string) {
	if !slices.Contains(words, value) {
		c.wrong(r, meant(value, words), "%s: %q is not one of %s", name, value, strings.Join(words, ", "))
	}
}

// ranges checks a list of addresses and CIDR ranges.
func (c *checker) ranges(at at, name string, list []string) {
	for i, s := range list {
		_, err1 := netip.ParseAddr(s)
		_, err2 := netip.ParsePrefix(s)
		if err1 != nil && err2 != nil {
			c.wrong(at(name, i), "write an address or a range, such as \"10.1.2.3\" or \"10.0.0.0/8\"",
				"%s: %q is no address and no CIDR range", name, s)
		}
	}
}

// length checks a duration that may be unset.
func (c *checker) length(r hcl.Range, name string, d Duration) {
	if d == "" {
		return
	}
	if _, err := ParseDuration(string(d)); err != nil {
		c.wrong(r, "", "%s: %v", name, err)
	}
}

// address checks an http or https URL without credentials, query and fragment. Its value is not repeated: it may hold
// a credential.
func (c *checker) address(r hcl.Range, name, value string) {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		c.wrong(r, "", "%s is no URL", name)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		c.wrong(r, "write http://HOST/PATH or https://HOST/PATH", "%s is no http or https URL", name)
	case u.User != nil:
		c.wrong(r, "credentials belong in a block auth { … }", "%s holds credentials", name)
	case u.RawQuery != "" || u.Fragment != "":
		c.wrong(r, "", "%s has a query or a fragment", name)
	}
}

var (
	hostName   = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$|^\[?[0-9a-fA-F:]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]{2,64}$`)
)
