package policy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/auth"
)

// Request is what somebody wants to do in the service's own terms: one of its 51 actions on a resource.
type Request struct {
	Principal *auth.Principal
	Action    string // "ReadFromRepository"
	Resource  Resource
	Remote    netip.Addr // aws:SourceIp; zero: not known
	Secure    bool       // aws:SecureTransport
	Time      time.Time  // aws:CurrentTime; zero: not known
	// Owned leaves resource policies out: who owns a domain can always change its policy.
	Owned bool
}

// Resource is what an action is about. Empty parts make it wider: a repository, or the domain.
type Resource struct {
	Domain, Repository string
	Package            cache.Package
	Group              string // pattern of a package group
}

// ARN names a resource in the service's way. It does not check that there is one.
func (r Resource) ARN(region, owner string) string {
	arn := "arn:aws:codeartifact:" + region + ":" + owner + ":"
	switch {
	case r.Group != "":
		return arn + "package-group/" + r.Domain + r.Group
	case r.Package.Name != "":
		return arn + "package/" + r.Domain + "/" + r.Repository + "/" + r.Package.String()
	case r.Repository != "":
		return arn + "repository/" + r.Domain + "/" + r.Repository
	case r.Domain != "":
		return arn + "domain/" + r.Domain
	}
	return "*"
}

// ParseARN reads the ARN of a domain, a repository or a package group, and the account in it.
func ParseARN(arn string) (r Resource, owner string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "codeartifact" || !isAccount(parts[4]) {
		return r, "", false
	}
	kind, rest, found := strings.Cut(parts[5], "/")
	domain, below, more := strings.Cut(rest, "/")
	r.Domain = domain
	switch {
	case !found || domain == "":
	case kind == "domain" && !more:
		return r, parts[4], true
	case kind == "repository" && below != "" && !strings.Contains(below, "/"):
		r.Repository = below
		return r, parts[4], true
	case kind == "package-group" && below != "":
		r.Group = "/" + below
		return r, parts[4], true
	}
	return r, "", false
}

// PrincipalARN names a principal in the service's way: a user, or a role if its name says so ("role/NAME"). A
// principal without an account belongs to the owner of the domain.
func PrincipalARN(p *auth.Principal, owner string) string {
	if p == nil || p.Name == "" {
		return ""
	}
	name := p.Name
	if !strings.HasPrefix(name, "role/") {
		name = "user/" + name
	}
	return "arn:aws:iam::" + accountOf(p, owner) + ":" + name
}

func accountOf(p *auth.Principal, owner string) string {
	if p.Account == "" {
		return owner
	}
	return p.Account
}

// asked is a Request made ready to be compared with statements.
type asked struct {
	*Request
	arn, account, owner string
	action              string // "codeartifact:readfromrepository"
	resources           []string
}

// key returns the value of a condition key.
func (q *Request) key(name string) (string, bool) {
	switch name {
	case "aws:principalarn":
		arn := PrincipalARN(q.Principal, "")
		return arn, arn != ""
	case "aws:principalaccount":
		return q.Principal.Account, q.Principal.Account != ""
	case "aws:username":
		return q.Principal.Name, q.Principal.Name != ""
	case "aws:principaltype":
		if q.Principal.Anonymous {
			return "Anonymous", true
		}
		return "User", true
	case "aws:sourceip":
		return q.Remote.Unmap().String(), q.Remote.IsValid()
	case "aws:securetransport":
		return strconv.FormatBool(q.Secure), true
	case "aws:currenttime":
		return q.Time.UTC().Format(time.RFC3339), !q.Time.IsZero()
	case "aws:epochtime":
		return strconv.FormatInt(q.Time.Unix(), 10), !q.Time.IsZero()
	}
	return "", false
}

type verdict uint8

const (
	silent verdict = iota
	allows
	denies
)

// judge evaluates the document: an explicit deny wins. It returns the statement that decided.
func (d *Document) judge(a *asked) (verdict, string) {
	if d == nil {
		return silent, ""
	}
	v, by := silent, ""
	for i := range d.statements {
		s := &d.statements[i]
		if !s.applies(a) {
			continue
		}
		if s.deny {
			return denies, s.sid
		}
		if v == silent {
			v, by = allows, s.sid
		}
	}
	return v, by
}

func (s *statement) applies(a *asked) bool {
	if s.principals != nil && !names(s.principals, a) || s.notPrincipals != nil && names(s.notPrincipals, a) {
		return false
	}
	action := func(p string) bool { return glob(p, a.action) }
	if len(s.actions) > 0 && !slices.ContainsFunc(s.actions, action) || len(s.notActions) > 0 && slices.ContainsFunc(s.notActions, action) {
		return false
	}
	resource := func(p string) bool {
		return slices.ContainsFunc(a.resources, func(r string) bool { return glob(p, r) })
	}
	if len(s.resources) > 0 && !slices.ContainsFunc(s.resources, resource) || len(s.notResources) > 0 && slices.ContainsFunc(s.notResources, resource) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(a.Request) {
			return false
		}
	}
	return true
}

// names reports whether a list of principals has the one who asks. An account stands for everybody in it.
func names(list []string, a *asked) bool {
	for _, p := range list {
		switch {
		case p == "*":
			return true
		case a.arn == "":
		case isAccount(p) && p == a.account, p == "arn:aws:iam::"+a.account+":root", p == a.arn:
			return true
		}
	}
	return false
}
