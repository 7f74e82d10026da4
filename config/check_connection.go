package config

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Limits of a connection.
const (
	maxLimit     = 1000
	maxFresh     = 30 * 24 * time.Hour // absence is kept that long too
	publicPrefix = "public:"
	ownPrefix    = "private:"
)

var (
	// connectionName is the service's ExternalConnectionName.
	connectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._\-:]{1,99}$`)
	// checksumDatabase is the form of GOSUMDB (go help environment).
	checksumDatabase = regexp.MustCompile(`^off$|^[^\s+]+(\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44})?( https?://\S+)?$`)
	// genericLayout is a relative path of text and markers.
	genericLayout = regexp.MustCompile(`^([^{}?#\s]|\{(namespace|package|name|version|asset)\})+$`)
)

func (c *checker) connections() {
	seen := map[string]string{}
	for i := range c.f.Connections {
		n := &c.f.Connections[i]
		if first, ok := seen[n.Name]; ok {
			c.wrong(n.DefRange, "", "connection %q is declared twice, first at %s", n.Name, first)
		} else {
			seen[n.Name] = place(n.DefRange)
		}
		c.connection(n)
	}
}

func (c *checker) connection(n *Connection) {
	at := inBlock(n.Body, n.DefRange)
	c.connectionFormat(n)
	if n.URL != "" {
		c.address(at("url"), "url", n.URL)
	}
	if n.Limit < 1 || n.Limit > maxLimit {
		c.wrong(at("limit"), "", "limit: %d is not between 1 and %d", n.Limit, maxLimit)
	}
	c.length(at("fresh"), "fresh", n.Fresh)
	if n.Fresh.Value() > maxFresh {
		c.wrong(at("fresh"), "", "fresh: %s is more than 30 days", string(n.Fresh))
	}
	c.ranges(at, "allow", n.Allow)
	if n.Proxy != "" && n.Proxy != "none" {
		c.proxy(at, n.Proxy)
	}
	if n.SumDB != "" && n.Format != "go" {
		c.wrong(at("sumdb"), "", "sumdb is for format go; connection %q has %q", n.Name, n.Format)
	} else if n.SumDB != "" && !checksumDatabase.MatchString(n.SumDB) {
		c.wrong(at("sumdb"), "write \"NAME+HASH+KEY\", \"NAME\", either with a URL behind it, or \"off\"",
			"sumdb: %q is no checksum database", n.SumDB)
	}
	if n.Auth != nil {
		c.auth(n.Auth)
	}
}

// proxy checks a proxy's address, which may have a path no more than a query.
func (c *checker) proxy(at at, value string) {
	if strings.HasPrefix(value, "socks5://") || strings.HasPrefix(value, "socks5h://") {
		return
	}
	c.address(at("proxy"), "proxy", value)
}

// connectionFormat checks the name of a connection together with its format.
func (c *checker) connectionFormat(n *Connection) {
	at := inBlock(n.Body, n.DefRange)
	known := Public()[n.Name]
	switch {
	case !connectionName.MatchString(n.Name):
		c.wrong(n.DefRange, "", "%q is no name of a connection: 2 to 100 letters, digits, \".\", \"_\", \"-\" and \":\"", n.Name)
	case known == "" && !strings.HasPrefix(n.Name, ownPrefix) || n.Name == ownPrefix:
		c.wrong(n.DefRange, nameHint(n.Name), "connection %q is none of the well-known ones", n.Name)
	case n.Format == "":
		c.wrong(n.DefRange, "write format = \"npm\", or whichever it is: "+strings.Join(Formats(), ", "),
			"connection %q needs a format", n.Name)
	case !slices.Contains(Formats(), n.Format):
		c.wrong(at("format"), meant(n.Format, Formats()), "format: %q is not one of %s", n.Format, strings.Join(Formats(), ", "))
	case known != "" && n.Format != known:
		c.wrong(at("format"), "", "connection %q has format %s, not %s", n.Name, known, n.Format)
	case n.Layout != "" && n.Format != "generic":
		c.wrong(at("layout"), "", "layout is for format generic; connection %q has %q", n.Name, n.Format)
	case n.Layout != "" && (!genericLayout.MatchString(n.Layout) || strings.Count(n.Layout, "{asset}") != 1):
		c.wrong(at("layout"), "write a path such as \"{namespace}/{package}/{version}/{asset}\", with {asset} in it, once",
			"layout: %q is no layout", n.Layout)
	}
}

// nameHint is what to call a connection that has no well-known name.
func nameHint(name string) string {
	if hint := meant(name, publicNames()); hint != "" {
		return hint
	}
	return "call any other registry \"private:NAME\" and give it a format"
}

func (c *checker) auth(a *Auth) {
	at, ways := inBlock(a.Body, a.DefRange), 0
	for _, given := range []bool{
		sets(a.Body, "bearer"), sets(a.Body, "netrc"), a.Basic != nil, a.Header != nil, a.CodeArtifact != nil,
	} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		c.wrong(a.DefRange, "choose one of bearer, netrc, basic { }, header { } and codeartifact { }",
			"auth names %d ways to sign in", ways)
	}
	if sets(a.Body, "bearer") && a.Bearer == "" {
		c.wrong(at("bearer"), "", "bearer is empty")
	}
	if h := a.Header; h != nil && (!httpguts.ValidHeaderFieldName(h.Name) || !httpguts.ValidHeaderFieldValue(h.Value.Reveal())) {
		c.wrong(a.DefRange, "", "header %q is no header that can be sent", h.Name)
	}
	if ca := a.CodeArtifact; ca != nil {
		c.codeArtifact(a, ca)
	}
}

func (c *checker) codeArtifact(a *Auth, ca *AuthCodeArtifact) {
	if !domainName.MatchString(ca.Domain) {
		c.wrong(a.DefRange, "", "codeartifact: %q is no name of a domain", ca.Domain)
	}
	if ca.Owner != "" && !account.MatchString(ca.Owner) {
		c.wrong(a.DefRange, "", "codeartifact: owner %q is no account of 12 digits", ca.Owner)
	}
	if ca.Endpoint != "" {
		c.address(a.DefRange, "codeartifact: endpoint", ca.Endpoint)
	}
	if (ca.AccessKeyID == "") != (ca.Secret == "") {
		c.wrong(a.DefRange, "", "codeartifact needs access_key_id and secret together")
	}
	c.length(a.DefRange, "codeartifact: duration", ca.Duration)
	if d := ca.Duration.Value(); d < 15*time.Minute || d > 12*time.Hour { // GetAuthorizationToken: 900 to 43200 s
		c.wrong(a.DefRange, "", "codeartifact: duration is not between 15m and 12h")
	}
}
