package config

import (
	"github.com/hashicorp/hcl/v2"
)

// Domain owns blobs, an index and an encryption key; it is the unit of de-duplication and of policy. Its name has 2 to
// 50 characters: lower-case letters, digits and "-", first a letter, last no "-".
type Domain struct {
	Name string `hcl:"name,label"`
	// Owner is the account, 12 digits. Default 000000000000.
	Owner string `hcl:"owner,optional"`
	// Policy is an IAM-style resource policy, at most 7168 characters of JSON: file("domain-policy.json").
	Policy string `hcl:"policy,optional"`
	// DefaultRepository is the repository whose internal packages and rules intercepted traffic gets. Default: none.
	DefaultRepository string `hcl:"default_repository,optional"`
	// Walk is the order in which versions are looked for. "safe" (default): what was published here before anything from
	// a registry. "strict": the service's documented order, each upstream with its own connection before the next.
	Walk string `hcl:"walk,optional"`
	// NpmTags says which repository wins when a dist-tag clashes: "nearest" (default) or "upstream", the service's way.
	NpmTags string `hcl:"npm_tags,optional"`

	Repositories  []Repository   `hcl:"repository,block"`
	PackageGroups []PackageGroup `hcl:"package_group,block"`
	Rules         []Rule         `hcl:"rule,block"`
	Retentions    []Retention    `hcl:"retention,block"`
	Encryption    *Encryption    `hcl:"encryption,block"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Repository is a named set of packages of any format. Its name has 2 to 100 characters: letters, digits, ".", "_" and
// "-", first a letter or a digit.
type Repository struct {
	Name        string `hcl:"name,label"`
	Description string `hcl:"description,optional"` // at most 1000 characters
	// Upstreams are up to 10 repositories of the same domain, in order of priority. A walk has at most 25 repositories.
	Upstreams []string `hcl:"upstreams,optional"`
	// ExternalConnection is the registry that this repository is connected to. Never together with Upstreams.
	ExternalConnection string `hcl:"external_connection,optional"`
	// Policy is an IAM-style resource policy, as the domain's.
	Policy string `hcl:"policy,optional"`
	// Walk and NpmTags replace the domain's, for requests to this repository.
	Walk    string `hcl:"walk,optional"`
	NpmTags string `hcl:"npm_tags,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// PackageGroup says where the packages that match its pattern may come from: /*, /FORMAT/*, /FORMAT/NAMESPACE/*,
// /FORMAT/NAMESPACE/NAME$, or a prefix of words ending in "~". The longest match counts.
type PackageGroup struct {
	Pattern     string `hcl:"pattern,label"` // at most 520 characters
	Description string `hcl:"description,optional"`
	Contact     string `hcl:"contact,optional"`
	// Publish, ExternalUpstream and InternalUpstream are ALLOW, BLOCK, INHERIT (default: as the next less specific group
	// has it) or ALLOW_SPECIFIC_REPOSITORIES, with the list beside it.
	Publish          string `hcl:"publish,optional"`
	ExternalUpstream string `hcl:"external_upstream,optional"`
	InternalUpstream string `hcl:"internal_upstream,optional"`

	PublishRepositories          []string `hcl:"publish_repositories,optional"`
	ExternalUpstreamRepositories []string `hcl:"external_upstream_repositories,optional"`
	InternalUpstreamRepositories []string `hcl:"internal_upstream_repositories,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Rule is a supply-chain decision. Its patterns are those of package groups, and may end in @RANGE.
type Rule struct {
	Name   string   `hcl:"name,label"`
	Match  []string `hcl:"match"`
	Except []string `hcl:"except,optional"`
	// MinAge is how long a version must have been public before it is listed or served. Only for formats whose registries
	// say when versions were published: npm, pypi and cargo.
	MinAge Duration `hcl:"min_age,optional"`
	// FreezeAfter is a day (2026-11-01) or a time (RFC 3339); versions published later are neither listed nor served. For
	// the formats of MinAge.
	FreezeAfter string `hcl:"freeze_after,optional"`
	// Deny refuses whatever matches, what was published here as well.
	Deny bool `hcl:"deny,optional"`
	// Mode is "enforce" (default), or "observe": what the rule would refuse is logged, and let through.
	Mode string `hcl:"mode,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Retention says which versions go: those that no keep_* protects while any max_* is exceeded; with keep_* alone, all
// that it does not protect.
type Retention struct {
	Name   string   `hcl:"name,label"`
	Match  []string `hcl:"match"`
	Except []string `hcl:"except,optional"`
	// KeepLast protects that many of the newest versions of each package.
	KeepLast int `hcl:"keep_last,optional"`
	// MaxIdle is how long a version may go unused, MaxAge how old it may be.
	MaxIdle Duration `hcl:"max_idle,optional"`
	MaxAge  Duration `hcl:"max_age,optional"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Encryption seals the domain's blobs.
type Encryption struct {
	// Key is the domain's key: 32 bytes in base64.
	Key Secret `hcl:"key"`

	Body     hcl.Body  `hcl:",body"`
	DefRange hcl.Range `hcl:",def_range"`
}

// Place is where the domain was declared: FILE:LINE.
func (d *Domain) Place() string { return place(d.DefRange) }

// Repository returns the repository with that name, or nil.
func (d *Domain) Repository(name string) *Repository {
	for i := range d.Repositories {
		if d.Repositories[i].Name == name {
			return &d.Repositories[i]
		}
	}
	return nil
}

// Place is where the repository was declared: FILE:LINE.
func (r *Repository) Place() string { return place(r.DefRange) }

// Sets reports whether the repository's block has the attribute: then it belongs to the file.
func (r *Repository) Sets(attribute string) bool { return sets(r.Body, attribute) }

// Sets reports whether the domain's block has the attribute.
func (d *Domain) Sets(attribute string) bool { return sets(d.Body, attribute) }

// Place is where the group was declared: FILE:LINE.
func (g *PackageGroup) Place() string { return place(g.DefRange) }

// Place is where the rule was declared: FILE:LINE. A refusal names it.
func (r *Rule) Place() string { return place(r.DefRange) }
