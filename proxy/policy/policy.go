// Package policy decides who may do what, and where packages may come from. It is pure: compiled once per
// configuration, then asked without locks, clocks or allocations.
//
//   - Set.Decide answers whether a principal may act on a repository;
//   - Groups finds the package group of a package, and its effective restrictions;
//   - the origin controls of a package follow from how it first appeared and from its group.
//
// The semantics are those of AWS CodeArtifact's package groups and origin controls.
package policy

import (
	"net/netip"
	"time"

	"entrepot/cache"
	"entrepot/proxy/auth"
)

// Action is what somebody wants to do.
type Action uint8

// The actions of the data plane.
const (
	Read Action = iota
	Publish
	Admin // what a publisher may not: other people's tokens, settings …
	Login // how a client comes by a token; needs no permission
)

// Query is one question. The zero Package stands for the repository as a whole.
type Query struct {
	Principal          *auth.Principal
	Action             Action
	Domain, Repository string
	Package            cache.Package
	Version            string
	Remote             netip.Addr // what follows is for conditions of policies; may be left out
	Secure             bool
	Time               time.Time
}

// Decision is the answer. Rule and Reason are set where Allow is false.
type Decision struct {
	Allow  bool
	Login  bool      // a principal who says who it is might be allowed: 401 rather than 403
	Rule   string    // where the rule stands: "config.hcl:41", or a name
	Reason string    // for the client
	Until  time.Time // when the decision changes by itself; zero: it does not
}

// Set is a compiled policy. The zero value and nil decide by levels alone.
type Set struct {
	region  string
	domains map[string]*Bounds
}

// Decide answers q. It does not allocate where no resource policy applies.
func (s *Set) Decide(q *Query) Decision {
	if q.Action == Login {
		return Decision{Allow: true}
	}
	p := q.Principal
	if p == nil {
		return Decision{Login: true, Rule: "access", Reason: "no principal"}
	}
	if p.Domain != "" && p.Domain != q.Domain {
		return Decision{Rule: "token", Reason: "this token is for another domain"}
	}
	if b := s.bounds(q.Domain); b != nil && b.concern(p, q.Repository) {
		return s.Authorize(&Request{
			Principal: p, Action: actions[min(q.Action, Admin)], Remote: q.Remote, Secure: q.Secure, Time: q.Time, Resource: q.resource(),
		})
	}
	if p.Level >= required[min(q.Action, Admin)] {
		return Decision{Allow: true, Until: p.Expires}
	}
	return refusal(p, q.Action)
}

// required is the level that each action needs.
var required = [...]auth.Level{Read: auth.ReadLevel, Publish: auth.PublishLevel, Admin: auth.AdminLevel}

// actions are what the data plane's actions are called by the service.
var actions = [...]string{Read: "ReadFromRepository", Publish: "PublishPackageVersion", Admin: "DeletePackageVersions"}

// resource is what the action is about: reading is all or nothing for a repository.
func (q *Query) resource() Resource {
	r := Resource{Domain: q.Domain, Repository: q.Repository}
	if q.Action != Read {
		r.Package = q.Package
	}
	return r
}

// concern reports whether policies have a say: where there are some, and about principals of other accounts.
func (b *Bounds) concern(p *auth.Principal, repository string) bool {
	return b.Domain != nil || b.Repositories[repository] != nil || p.Account != "" && p.Account != b.Owner
}

func refusal(p *auth.Principal, a Action) Decision {
	d := Decision{Rule: "access", Login: p.Anonymous}
	switch {
	case p.Anonymous && a == Read:
		d.Reason = "reading here needs a credential"
	case p.Anonymous:
		d.Reason = "this needs a credential"
	case p.ReadOnly:
		d.Rule, d.Reason = "token", "this token only reads"
	case a == Read:
		d.Reason = "this principal may not read"
	case a == Publish:
		d.Reason = "this principal may not publish"
	default:
		d.Reason = "this needs an administrator"
	}
	return d
}
