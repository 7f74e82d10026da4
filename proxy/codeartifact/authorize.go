package codeartifact

import (
	"time"

	"entrepot/proxy/policy"
)

// ownPolicy are the operations on policies, which no policy can forbid the owner: nobody locks himself out.
var ownPolicy = map[string]bool{
	"PutDomainPermissionsPolicy": true, "GetDomainPermissionsPolicy": true, "DeleteDomainPermissionsPolicy": true,
	"PutRepositoryPermissionsPolicy": true, "GetRepositoryPermissionsPolicy": true, "DeleteRepositoryPermissionsPolicy": true,
}

// authorize decides whether the principal may do the operation on what the request names.
func (c *call) authorize() error {
	r := policy.Resource{}
	if c.domain != nil {
		r.Domain = c.domain.Name
	}
	switch c.op.Name {
	case "CreateDomain", "ListDomains", "ListRepositories":
		r = policy.Resource{}
	case "CreateRepository":
		r.Repository = c.in.text("repository")
	case "TagResource", "UntagResource", "ListTagsForResource":
		return nil // the resource stands in an ARN: the operation asks itself
	case "CopyPackageVersions":
		return nil // two repositories: the operation asks itself
	default:
		if c.repo != nil {
			r.Repository = c.repo.Name
			if c.op.Name != "ListPackages" {
				r.Package = c.pkg
			}
		}
		r.Group = c.in.text("packageGroup")
	}
	return c.may(c.op.Name, r)
}

// may decides one action on one resource.
func (c *call) may(action string, r policy.Resource) error {
	d := c.o.Policy.Authorize(&policy.Request{
		Principal: c.principal, Action: action, Resource: r, Remote: c.client.Remote, Secure: c.client.Secure, Time: time.Now(),
		Owned: ownPolicy[action],
	})
	if d.Allow {
		return nil
	}
	owner := c.o.Owner
	if c.domain != nil {
		owner = c.domain.Owner
	}
	who := policy.PrincipalARN(c.principal, owner)
	if who == "" {
		who = "an anonymous client"
	}
	return denied("User: %s is not authorized to perform: codeartifact:%s on resource: %s: %s (%s)", who, action, r.ARN(c.region(), owner), d.Reason, d.Rule)
}
