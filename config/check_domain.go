package config

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// Limits of the service (its quotas and the patterns of its model).
const (
	maxUpstreams   = 10
	maxWalk        = 25
	maxDescription = 1000
	maxPolicy      = 7168
)

var (
	domainName     = regexp.MustCompile(`^[a-z][a-z0-9\-]{0,48}[a-z0-9]$`)
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._\-]{1,99}$`)
	account        = regexp.MustCompile(`^[0-9]{12}$`)
)

func (c *checker) domains() {
	seen := map[string]string{}
	for i := range c.f.Domains {
		d := &c.f.Domains[i]
		if first, ok := seen[d.Name]; ok {
			c.wrong(d.DefRange, "", "domain %q is declared twice, first at %s", d.Name, first)
		} else {
			seen[d.Name] = d.Place()
		}
		c.domain(d)
	}
}

func (c *checker) domain(d *Domain) {
	at := inBlock(d.Body, d.DefRange)
	if !domainName.MatchString(d.Name) {
		c.wrong(d.DefRange, "", "%q is no name of a domain: 2 to 50 lower-case letters, digits and \"-\", first a letter, last no \"-\"", d.Name)
	}
	if !account.MatchString(d.Owner) {
		c.wrong(at("owner"), "", "owner: %q is no account of 12 digits", d.Owner)
	}
	c.document(at("policy"), "policy", d.Policy)
	c.order(at, d.Walk, d.NpmTags)
	if d.DefaultRepository != "" && d.Repository(d.DefaultRepository) == nil {
		c.missing(at("default_repository"), meant(d.DefaultRepository, repositories(d)),
			"default_repository: domain %q has no repository %q", d.Name, d.DefaultRepository)
	}
	c.repositories(d)
	c.cycles(d)
	c.walks(d)
	c.groups(d)
	c.rules(d)
}

func (c *checker) order(at at, walk, tags string) {
	c.word(at("walk"), "walk", walk, "safe", "strict")
	c.word(at("npm_tags"), "npm_tags", tags, "nearest", "upstream")
}

func (c *checker) repositories(d *Domain) {
	seen := map[string]string{}
	for i := range d.Repositories {
		r := &d.Repositories[i]
		if first, ok := seen[r.Name]; ok {
			c.wrong(r.DefRange, "", "repository %q is declared twice, first at %s", r.Name, first)
		} else {
			seen[r.Name] = r.Place()
		}
		c.repository(d, r)
	}
}

func (c *checker) repository(d *Domain, r *Repository) {
	at := inBlock(r.Body, r.DefRange)
	if !repositoryName.MatchString(r.Name) {
		c.wrong(r.DefRange, "", "%q is no name of a repository: 2 to 100 letters, digits, \".\", \"_\" and \"-\", first a letter or digit", r.Name)
	}
	if utf8.RuneCountInString(r.Description) > maxDescription {
		c.wrong(at("description"), "", "description of more than %d characters", maxDescription)
	}
	c.document(at("policy"), "policy", r.Policy)
	c.order(at, r.Walk, r.NpmTags)
	c.upstreams(d, r)
	if r.ExternalConnection != "" {
		c.external(at("external_connection"), r)
	}
	if n := elements(r.Body, "external_connection"); n > 1 {
		c.out = append(c.out, Diagnostic{Range: at("external_connection"),
			Message:    "repository \"" + r.Name + "\" has more than one external connection",
			Suggestion: "give each connection a repository, and name those as upstreams"})
	}
}

func (c *checker) upstreams(d *Domain, r *Repository) {
	at, seen := inBlock(r.Body, r.DefRange), map[string]bool{}
	if len(r.Upstreams) > maxUpstreams {
		c.wrong(at("upstreams"), "put some of them behind another repository",
			"repository %q has %d upstreams; %d at most", r.Name, len(r.Upstreams), maxUpstreams)
	}
	if len(r.Upstreams) > 0 && sets(r.Body, "external_connection") {
		c.wrong(at("upstreams"), "give the connection a repository of its own, and name that as an upstream",
			"repository %q has upstreams and an external connection; it may have one or the other", r.Name)
	}
	for i, u := range r.Upstreams {
		if d.Repository(u) == nil {
			c.missing(at("upstreams", i), meant(u, repositories(d)), "repository %q names the upstream %q, which domain %q does not have", r.Name, u, d.Name)
		} else if seen[u] {
			c.wrong(at("upstreams", i), "", "repository %q names the upstream %q twice", r.Name, u)
		}
		seen[u] = true
	}
}

// external checks that the connection of a repository exists.
func (c *checker) external(at hcl.Range, r *Repository) {
	name := r.ExternalConnection
	if Public()[name] != "" || c.f.Connection(name) != nil {
		return
	}
	names := publicNames()
	for i := range c.f.Connections {
		names = append(names, c.f.Connections[i].Name)
	}
	hint := meant(name, names)
	if hint == "" && strings.HasPrefix(name, ownPrefix) {
		hint = "declare connection \"" + name + "\" { … } with its format"
	} else if hint == "" {
		hint = nameHint(name)
	}
	c.missing(at, hint, "repository %q names the connection %q, which does not exist", r.Name, name)
}

// document checks a resource policy: a JSON object with a Statement. What the statements mean is compiled later.
func (c *checker) document(r hcl.Range, name, text string) {
	if text == "" {
		return
	}
	var policy struct{ Statement json.RawMessage }
	switch err := json.Unmarshal([]byte(text), &policy); {
	case err != nil:
		c.wrong(r, "", "%s is no JSON policy: %v", name, err)
	case policy.Statement == nil:
		c.wrong(r, "", "%s has no Statement", name)
	case utf8.RuneCountInString(text) > maxPolicy:
		c.wrong(r, "", "%s has more than %d characters", name, maxPolicy)
	}
}

// repositories returns the names of a domain's repositories.
func repositories(d *Domain) []string {
	var names []string
	for i := range d.Repositories {
		names = append(names, d.Repositories[i].Name)
	}
	return names
}
