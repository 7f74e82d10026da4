package codeartifact

import (
	"context"
	"slices"
	"strings"

	"entrepot/proxy/policy"
)

func (d *Domain) arn(region string) string {
	return policy.Resource{Domain: d.Name}.ARN(region, d.Owner)
}

// key is what the service calls a domain's key. Ours is the file's business, and has no ARN of its own.
func (d *Domain) key(region string) string {
	return "arn:aws:kms:" + region + ":" + d.Owner + ":alias/aws/codeartifact"
}

func (c *call) domainSummary(d *Domain) object {
	return object{
		"name": d.Name, "owner": d.Owner, "arn": d.arn(c.region()), "status": "Active", "createdTime": seconds(d.Created),
		"encryptionKey": d.key(c.region()),
	}
}

func (c *call) domainDescription(d *Domain) object {
	out := c.domainSummary(d)
	out["repositoryCount"], out["assetSizeBytes"] = len(d.Repositories), c.o.Size(d.Name)
	out["s3BucketArn"] = "arn:aws:s3:::assets-" + d.Owner + "-" + c.region()
	return out
}

func createDomain(ctx context.Context, c *call) (any, error) {
	name := c.in.text("domain")
	if key := c.in.text("encryptionKey"); key != "" {
		return nil, invalid(encryptionKey, "keys of a key management service are not available here: a domain's key is set in the configuration, encryption { key }")
	}
	owner := c.principal.Account
	if owner == "" {
		owner = c.o.Owner
	}
	then, err := c.change(ctx, func(now *call, s *State) error {
		if d := now.o.Domains[name]; d != nil {
			return conflict("domain", name, "Domain already exists: %s", name)
		}
		s.put(domainKind, name, name, &DomainRecord{Owner: owner})
		return c.putTags(s, name, "")
	})
	if err != nil {
		return nil, err
	}
	d := then.o.Domains[name]
	if d == nil {
		return nil, absent("domain", name, "the domain %s was deleted at the same time", name)
	}
	return object{"domain": then.domainDescription(d)}, nil
}

func describeDomain(_ context.Context, c *call) (any, error) {
	return object{"domain": c.domainDescription(c.domain)}, nil
}

func deleteDomain(ctx context.Context, c *call) (any, error) {
	name, description := c.domain.Name, c.domainDescription(c.domain)
	_, err := c.change(ctx, func(now *call, s *State) error {
		if err := now.domain.fixed("domain", name, ""); err != nil {
			return err
		}
		if n := len(now.domain.Repositories); n > 0 {
			return conflict("domain", name, "Can not delete domain %s: it has %d repositories", name, n)
		}
		for k := range s.records {
			if k.Domain == name {
				delete(s.records, k)
			}
		}
		return nil
	})
	description["status"] = "Deleted"
	return object{"domain": description}, err
}

func listDomains(_ context.Context, c *call) (any, error) {
	var list []*Domain
	for _, d := range c.o.Domains {
		if account := c.principal.Account; account == "" || account == d.Owner { // the caller's own, as in the service
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *Domain) int { return strings.Compare(a.Name, b.Name) })
	part, next, err := page(c, list, func(d *Domain) string { return d.Name })
	if err != nil {
		return nil, err
	}
	out := make([]object, len(part))
	for i, d := range part {
		out[i] = c.domainSummary(d)
	}
	return object{"domains": out, "nextToken": next}, nil
}
