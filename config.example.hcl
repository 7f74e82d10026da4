# Every block and attribute of Entrepôt's configuration, with what it means and its default.
#
# No configuration is needed to start: `entrepot serve` alone makes a domain with a repository for each registry that
# this machine's tools use, and `entrepot init` writes that down as a file to begin with. `entrepot check` tells all
# problems of a file at once. A running server takes over changes by itself.
#
# Text may be "3d", "1h30m" (w, d, h, m, s, ms) where a duration is meant, and "256MiB", "1GB" (B, KB, KiB, MB, MiB …)
# where a size is. Functions: env("NAME"), env("NAME", "default"), file("path"), and for arithmetic duration("1d"),
# size("1GiB"). Paths are relative to this file.
#
# Lines that begin with #: show what is not in force yet. The server refuses to start with it: nobody shall trust a rule
# that nothing enforces.

# The address of the one port: HOST:PORT, or :PORT for every address of the machine.
listen = "127.0.0.1:8470"

# How clients know this server, where a proxy stands in front. Default: what the request says, if hosts admits it.
public_url = "https://packages.example"

# Host names that a request may carry, without port. The listening address, loopback and public_url always may.
hosts = ["packages.example", "*.d.packages.example"]

# Whose X-Forwarded-* headers are believed: addresses and ranges. Default: nobody's.
trusted_proxies = ["10.0.0.0/8"]

# What SigV4 scopes and ARNs must name. Unset: any region is accepted.
region = "us-east-1"

# trace, debug, info, warn or error.
log_level = "info"

# Maven, .NET and Swift refuse plain HTTP off loopback. Without the block the port speaks plain HTTP.
tls {
  # PEM files of your own …
  # cert = "/etc/entrepot/tls.crt"
  # key  = "/etc/entrepot/tls.key"

  # … or a leaf of this server's own authority, for the names in hosts and public_url.
  self = true
}

storage {
  # Where everything is kept. Default: $XDG_DATA_HOME/entrepot.
  dir = "/var/lib/entrepot"

  # Budget of the whole process; the memory tier takes half of it. At least 32MiB.
  memory = "256MiB"

  # Past it, what a connection can give again is evicted, least recently used first; what was published here never is.
  # Default: no bound but the disk's.
  max_size = "50GiB"
}

# The way out to a registry. The well-known names are public:npmjs, public:pypi, public:maven-central,
# public:maven-googleandroid, public:maven-gradleplugins, public:maven-commonsware, public:maven-clojars,
# public:nuget-org, public:ruby-gems-org, public:crates-io and public:go.
connection "public:npmjs" {
  # Default: the environment (ENTREPOT_PUBLIC_NPMJS_URL), what was remembered, what this machine's tools use.
  url = env("NPM_REGISTRY")

  # Requests at a time, 1 to 1000.
  limit = 64

  # How long an index document is fresh; at most 30d.
  fresh = "5m"

  # The HTTP proxy to go through, or "none". Default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
  proxy = "none"
}

connection "public:go" {
  # The checksum database that goes with it, as in GOSUMDB: "NAME+HASH+KEY", "NAME", either with its URL behind, or
  # "off". Clients reach it through us; with the key we check modules against it too. Default: the go command's.
  # sumdb = env("GOSUMDB")
}

# Any other registry is private:NAME and says its format: cargo, generic, go, maven, npm, nuget, pypi, ruby or swift.
connection "private:corp" {
  url    = "https://npm.corp.example/"
  format = "npm"

  # Private, loopback and link-local addresses that its documents and redirects may lead to. The host in url always may.
  allow = ["10.1.0.0/16"]

  # How we sign in there, one of: bearer, basic, header, netrc and codeartifact. Sent to the host in url and no other.
  auth {
    bearer = env("CORP_TOKEN")

    # netrc = "/etc/entrepot/netrc"

    # basic {
    #   username = "ci"
    #   password = file("/run/secrets/corp")
    # }

    # header {
    #   name  = "X-Api-Key"
    #   value = file("/run/secrets/corp")
    # }

    #: codeartifact {                       # fetches a token and renews it
    #:   domain        = "acme"
    #:   owner         = "111122223333"
    #:   region        = "us-east-1"
    #:   endpoint      = "https://api.corp.example"   # default: that of the region
    #:   access_key_id = env("AWS_ACCESS_KEY_ID")     # default: the environment, as AWS tools read it
    #:   secret        = env("AWS_SECRET_ACCESS_KEY")
    #:   session_token = env("AWS_SESSION_TOKEN", "")
    #:   duration      = "12h"                        # 15m to 12h
    #: }
  }
}

connection "private:files" {
  url    = "https://files.corp.example/"
  format = "generic"

  # How paths of a generic registry are read.
  layout = "{namespace}/{name}/{version}/{asset}"
}

# A domain owns what is stored. The first one is the default: /npm/team/ is team of this domain.
domain "acme" {
  # The account, 12 digits.
  owner = "111122223333"

  # policy = file("domain-policy.json")    # an IAM-style resource policy; repositories take one too

  # "safe": what was published here before anything from a registry, so that no public name beats a private one.
  # "strict": the order that CodeArtifact documents. A repository may choose for itself.
  walk = "safe"

  # Who wins when a dist-tag clashes: the "nearest" repository, or "upstream". A repository may choose for itself.
  npm_tags = "nearest"

  # A repository holds packages of any format. It has either one connection …
  repository "npm-store" {
    description         = "what came from the npm registry"
    external_connection = "public:npmjs"
  }
  repository "corp-store" { external_connection = "private:corp" }
  repository "go-store" { external_connection = "public:go" }

  # … or up to ten upstreams, in order of priority. A walk has at most 25 repositories.
  repository "shared" { upstreams = ["corp-store", "npm-store", "go-store"] }
  repository "team" { upstreams = ["shared"] }

  # Whose internal packages and rules intercepted traffic gets.
  default_repository = "team"

  # Where packages may come from. Patterns: /*, /FORMAT/*, /FORMAT/NAMESPACE/*, /FORMAT/NAMESPACE/PREFIX~ and
  # /FORMAT/NAMESPACE/NAME$; the longest match counts. ALLOW, BLOCK, INHERIT or ALLOW_SPECIFIC_REPOSITORIES.
  package_group "/npm/acme/*" {
    description       = "ours"
    contact           = "platform@acme.example"
    publish           = "ALLOW_SPECIFIC_REPOSITORIES"
    external_upstream = "BLOCK"
    internal_upstream = "ALLOW"

    publish_repositories = ["team"]
    # likewise external_upstream_repositories and internal_upstream_repositories
  }

  # Supply-chain rules say what may come in. A refused version is neither listed nor served. Patterns may end in @RANGE.
  rule "cooldown" {
    match   = ["/npm/*", "/pypi/*", "/cargo/*"] # formats whose registries date versions
    except  = ["/npm/acme/*"]
    min_age = "3d"
  }
  rule "line in the sand" {
    match        = ["/pypi/*"]
    freeze_after = "2026-11-01" # a day, or a time such as 2026-11-01T12:00:00Z
    mode         = "observe"    # only log what it would refuse; default: "enforce"
  }
  rule "known bad" {
    match = ["/npm//left-pad$@<1.3.0"]
    deny  = true
  }

  # A version goes if no keep_* protects it and any max_* is exceeded; with keep_* alone, all that it does not protect.
  #: retention "builds" {
  #:   match     = ["/generic/*"]
  #:   except    = ["/generic/acme/*"]
  #:   keep_last = 10
  #:   max_idle  = "90d"
  #:   max_age   = "365d"
  #: }

  # Seals what is stored with a key of the domain's own: 32 bytes in base64.
  #: encryption {
  #:   key = env("DOMAIN_KEY")
  #: }
}

# Who may do what. Without the block the first start writes an administrator's token to DIR/admin-token.
access {
  # What clients may do that do not say who they are: none or read. Default: read from loopback, none from elsewhere.
  anonymous = "read"

  # A key pair as AWS has them, for the API.
  key "ci" {
    access_key_id = "AKIAEXAMPLE000000001"
    secret        = env("CI_SECRET")          # or file("/run/secrets/ci")
    account       = "111122223333"            # default: the owner of the first domain
    user          = "ci"                      # default: the block's name
    policy        = "admin"                   # admin, publish or read (default)
  }

  # A token for package managers: Bearer, or the password of Basic. At least 16 characters.
  token "deploy" {
    secret = env("DEPLOY_TOKEN")
    policy = "publish"
  }

  # A person who signs in with a password, or its bcrypt hash.
  user "anna" {
    password = env("ANNA_PASSWORD")
    policy   = "publish"
  }
}

# The proxy for clients that set HTTP_PROXY and HTTPS_PROXY.
forward {
  tunnel    = "allow"                        # hosts that are no registry: allow, deny or a list of hosts
  clients   = ["127.0.0.0/8", "::1/128"]     # who may use us as a proxy
  untrusted = "refuse"                       # a client that does not trust our authority: refuse or tunnel
  learn     = false                          # open every host and learn registries from their protocol
  bypass    = []                             # hosts that are never opened
  # transparent = "0.0.0.0:8471"             # for connections that the network redirects here (Linux); then clients says whose
}
