package proxy

import (
	"net/netip"
	"net/url"

	"entrepot/proxy/auth"
	"entrepot/proxy/codeartifact"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// Site is what one request sees of the configuration: an immutable snapshot, swapped as a whole on reload.
type Site struct {
	Domains map[string]*upstream.Domain
	Default *upstream.Domain // answers for /{format}/{repository}/
	Formats map[string]format.Format

	PublicURL *url.URL       // nil: links are made from the request
	Hosts     []string       // names that clients may call us by, besides loopback's and the public URL's; "*" any
	Trusted   []netip.Prefix // proxies whose X-Forwarded-* count

	Authority *auth.Authority
	Policy    *policy.Set
	Rules     map[string]*policy.Rules // by domain
	API       *codeartifact.API        // the control plane; nil: there is none

	// Discovering is closed when the search for registries' addresses is over; nil: there is none. What has no
	// connection yet waits for it.
	Discovering <-chan struct{}

	// Inside are the domains' default repositories: what was published there, and their rules, is for clients too whose
	// requests were on their way to a registry.
	Inside map[string]string

	places places

	// Via is the pseudonym that we go by in Via headers; a request that carries it came round in a loop.
	Via string
}
