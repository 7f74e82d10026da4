package policy

import (
	"slices"
	"strings"

	"entrepot/proxy/auth"
)

// Bounds are the resource policies of a domain. It is immutable.
type Bounds struct {
	Owner        string // account of the domain
	Domain       *Document
	Repositories map[string]*Document // by name
}

// NewSet returns a set over the resource policies of domains, by their names. region is the one in ARNs.
func NewSet(region string, domains map[string]*Bounds) *Set {
	return &Set{region: region, domains: domains}
}

// Authorize decides one of the service's actions. A principal of the domain owner's account may do what its level lets
// it do, or what a policy allows it; one of another account needs both. An explicit deny of the domain's policy or of
// the repository's wins over everything.
func (s *Set) Authorize(q *Request) Decision {
	p := q.Principal
	if p == nil {
		return Decision{Login: true, Rule: "access", Reason: "no principal"}
	}
	if p.Domain != "" && q.Resource.Domain != "" && p.Domain != q.Resource.Domain {
		return Decision{Rule: "token", Reason: "this token is for another domain"}
	}
	b := s.bounds(q.Resource.Domain)
	own := levelAllows(p.Level, q.Action)
	if b == nil {
		return s.byLevel(p, q.Action, own)
	}
	a := s.ask(q, b)
	foreign := a.account != b.Owner
	v, rule := silent, ""
	if !q.Owned {
		v, rule = b.judge(a)
	}
	switch {
	case v == denies:
		return Decision{Rule: rule, Reason: "an explicit deny forbids " + q.Action, Login: p.Anonymous}
	case p.ReadOnly && !own:
		return s.byLevel(p, q.Action, false)
	case !foreign && (own || v == allows), foreign && own && v == allows:
		return Decision{Allow: true, Until: p.Expires}
	case foreign && own:
		return Decision{Rule: "policy of domain " + q.Resource.Domain, Reason: "no policy lets account " + a.account + " do " + q.Action}
	}
	return s.byLevel(p, q.Action, false)
}

// Varies reports whether a decision about the repository depends on more than the principal: on time, or on where a
// request comes from. Then it cannot be remembered.
func (s *Set) Varies(domain, repository string) bool {
	b := s.bounds(domain)
	if b == nil {
		return false
	}
	r := b.Repositories[repository]
	return b.Domain != nil && b.Domain.conditional || r != nil && r.conditional
}

func (s *Set) bounds(domain string) *Bounds {
	if s == nil {
		return nil
	}
	return s.domains[domain]
}

func (s *Set) ask(q *Request, b *Bounds) *asked {
	a := &asked{Request: q, owner: b.Owner, account: accountOf(q.Principal, b.Owner), arn: PrincipalARN(q.Principal, b.Owner)}
	a.action = "codeartifact:" + strings.ToLower(q.Action)
	a.resources = []string{q.Resource.ARN(s.region, b.Owner)}
	if q.Action == "CreateRepository" || q.Action == "CreatePackageGroup" { // they name no resource: the domain's counts too
		a.resources = append(a.resources, Resource{Domain: q.Resource.Domain}.ARN(s.region, b.Owner))
	}
	if q.Principal.Account == "" && !q.Principal.Anonymous { // so that conditions see the account as well
		p := *q.Principal
		p.Account = b.Owner
		r := *q
		r.Principal, a.Request = &p, &r
	}
	return a
}

// judge evaluates the domain's policy and the repository's: the domain's reaches its repositories.
func (b *Bounds) judge(a *asked) (verdict, string) {
	v, sid := b.Domain.judge(a)
	rule := "policy of domain " + a.Resource.Domain + ", " + sid
	if v == denies || a.Resource.Repository == "" {
		return v, rule
	}
	if w, sid := b.Repositories[a.Resource.Repository].judge(a); w != silent {
		return w, "policy of repository " + a.Resource.Repository + ", " + sid
	}
	return v, rule
}

// readActions are what a reader may do: the service's managed policy AWSCodeArtifactReadOnlyAccess.
var readActions = []string{"Describe", "Get", "List", "ReadFromRepository"}

// publishActions are what a publisher may do beside.
var publishActions = []string{"PublishPackageVersion", "PutPackageMetadata", "CopyPackageVersions", "UpdatePackageVersionsStatus"}

func levelAllows(l auth.Level, action string) bool {
	switch {
	case l >= auth.AdminLevel:
		return true
	case l >= auth.PublishLevel && slices.Contains(publishActions, action):
		return true
	case l >= auth.ReadLevel:
		return slices.ContainsFunc(readActions, func(prefix string) bool { return strings.HasPrefix(action, prefix) })
	}
	return false
}

func (s *Set) byLevel(p *auth.Principal, action string, allowed bool) Decision {
	if allowed {
		return Decision{Allow: true, Until: p.Expires}
	}
	needs := Admin
	switch {
	case levelAllows(auth.ReadLevel, action):
		needs = Read
	case levelAllows(auth.PublishLevel, action):
		needs = Publish
	}
	return refusal(p, needs)
}
