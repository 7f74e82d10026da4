package config

import (
	"github.com/hashicorp/hcl/v2"
)

// Connection is the way out to one registry. Its name is a public: name of the service, public:go, or private:NAME for
// any other registry; what it gave belongs to that name, whatever its address becomes.
type Connection struct {
	Name string `hcl:"name,label"`
	// URL is the registry's address: http or https, without credentials, query or fragment. Unset: it comes from the
	// environment (ENTREPOT_…_URL), from what was remembered, or from the tools of this machine.
	URL string `hcl:"url,optional"`
	// Format is the registry's protocol. Required for private: names; public: names have theirs.
	Format string `hcl:"format,optional"`
	// Layout says where a registry of format generic keeps a file: a path below its address with the markers
	// {namespace}, {package}, {version} and {asset}, the last of which must be there. Default:
	// "{namespace}/{package}/{version}/{asset}".
	Layout string `hcl:"layout,optional"`
	// Limit is how many requests may run at once. 1 to 1000, default 64.
	Limit int `hcl:"limit,optional"`
	// Fresh is how long an index document is fresh. At most 30 days, default 5m.
	Fresh Duration `hcl:"fresh,optional"`
	// Allow lists addresses and CIDR ranges among the private, loopback and link-local ones that documents and redirects
	// of this registry may lead to. The host in URL itself is always allowed. Default: none.
	Allow []string `hcl:"allow,optional"`
	// Proxy is the HTTP proxy to reach the registry through, or "none". Unset: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
	Proxy string `hcl:"proxy,optional"`
	// SumDB is the checksum database that goes with a Go proxy, in the form of GOSUMDB: "NAME+HASH+KEY", "NAME", either
	// followed by its URL, or "off". Clients reach it through the proxy; with the key we check modules against it too.
	// Only with format go. Unset: what the go command of this machine says.
	SumDB string `hcl:"sumdb,optional"`

	Auth *Auth `hcl:"auth,block"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Auth is how a connection says who it is: exactly one of the five. It is sent to the host in URL and to no other.
type Auth struct {
	// Bearer is sent as "Authorization: Bearer …".
	Bearer Secret `hcl:"bearer,optional"`
	// Netrc is the path of a netrc file, relative to the configuration file, with a machine entry for the host.
	Netrc        string            `hcl:"netrc,optional"`
	Basic        *AuthBasic        `hcl:"basic,block"`
	Header       *AuthHeader       `hcl:"header,block"`
	CodeArtifact *AuthCodeArtifact `hcl:"codeartifact,block"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// AuthBasic is HTTP Basic.
type AuthBasic struct {
	Username string `hcl:"username"`
	Password Secret `hcl:"password"`
}

// AuthHeader is a header of the registry's own, such as an API key.
type AuthHeader struct {
	Name  string `hcl:"name"`
	Value Secret `hcl:"value"`
}

// AuthCodeArtifact fetches an authorization token from a CodeArtifact service and renews it before it ends.
type AuthCodeArtifact struct {
	Domain string `hcl:"domain"`
	Owner  string `hcl:"owner,optional"` // account of the domain's owner, 12 digits
	Region string `hcl:"region"`
	// Endpoint is the address of the control plane; unset: that of the region.
	Endpoint string `hcl:"endpoint,optional"`
	// AccessKeyID and Secret sign the request. Unset: as AWS_ACCESS_KEY_ID and the like say.
	AccessKeyID  string `hcl:"access_key_id,optional"`
	Secret       Secret `hcl:"secret,optional"`
	SessionToken Secret `hcl:"session_token,optional"`
	// Duration is the token's life: 15m to 12h, default 12h.
	Duration Duration `hcl:"duration,optional"`
}
