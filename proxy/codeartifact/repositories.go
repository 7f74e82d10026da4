package codeartifact

import (
	"context"
	"slices"
	"strings"

	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// maxRepositories is the service's quota of repositories in a domain.
const maxRepositories = 1000

func (c *call) repositorySummary(d *Domain, r *Repository) object {
	return object{
		"name": r.Name, "administratorAccount": r.Administrator, "domainName": d.Name, "domainOwner": d.Owner,
		"arn":         policy.Resource{Domain: d.Name, Repository: r.Name}.ARN(c.region(), d.Owner),
		"description": r.Description, "createdTime": seconds(r.Created),
	}
}

func (c *call) repositoryDescription(d *Domain, r *Repository) object {
	out := c.repositorySummary(d, r)
	upstreams := []object{}
	for _, up := range r.Upstreams() {
		upstreams = append(upstreams, object{"repositoryName": up.Name})
	}
	connections := []object{}
	if x := r.Connection(); x != nil {
		connections = append(connections, object{"externalConnectionName": x.Name, "packageFormat": x.Format, "status": "AVAILABLE"})
	}
	out["upstreams"], out["externalConnections"] = upstreams, connections
	return out
}

func describeRepository(_ context.Context, c *call) (any, error) {
	return object{"repository": c.repositoryDescription(c.domain, c.repo)}, nil
}

// upstreams reads the repositories that a request names as upstreams; given is false if it says nothing of them.
func (c *call) upstreams() (names []string, given bool) {
	list, given := c.in["upstreams"].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		name, _ := m["repositoryName"].(string)
		names = append(names, name)
	}
	return names, given
}

// linkable checks that a repository may have these upstreams.
func (c *call) linkable(name string, upstreams []string) error {
	if len(upstreams) > upstream.MaxUpstreams {
		return overQuota("repository", name, "a repository has at most %d upstreams", upstream.MaxUpstreams)
	}
	for i, up := range upstreams {
		if slices.Contains(upstreams[:i], up) {
			return invalid(fieldInvalid, "the upstream %s is named twice", up)
		}
		r, err := c.repository(up)
		if err != nil && up != name {
			return err
		}
		if up == name || slices.ContainsFunc(r.Walk(), func(x *upstream.Repository) bool { return x.Name == name }) {
			return invalid(otherReason, "%s cannot be upstream of %s: it would be upstream of itself", up, name)
		}
		if err := c.may("AssociateWithDownstreamRepository", policy.Resource{Domain: c.domain.Name, Repository: up}); err != nil {
			return err
		}
	}
	return nil
}

func createRepository(ctx context.Context, c *call) (any, error) {
	name := c.in.text("repository")
	upstreams, _ := c.upstreams()
	then, err := c.change(ctx, func(now *call, s *State) error {
		id := now.domain.Name + "/" + name
		if now.domain.Repositories[name] != nil {
			return conflict("repository", id, "Repository already exists: %s in domain %s", name, now.domain.Name)
		}
		if len(now.domain.Repositories) >= maxRepositories {
			return overQuota("repository", id, "a domain has at most %d repositories", maxRepositories)
		}
		if err := now.linkable(name, upstreams); err != nil {
			return err
		}
		r := &RepositoryRecord{Made: true, Administrator: c.principal.Account, Upstreams: upstreams, Linked: true}
		if c.in.has("description") {
			description := c.in.text("description")
			r.Description = &description
		}
		s.put(repositoryKind, now.domain.Name, name, r)
		return c.putTags(s, now.domain.Name, "repository/"+name)
	})
	if err != nil {
		return nil, err
	}
	r, err := then.repository(name)
	if err != nil {
		return nil, err
	}
	return object{"repository": then.repositoryDescription(then.domain, r)}, nil
}

// editRepository changes what is set here of a repository.
func (c *call) editRepository(ctx context.Context, edit func(now *call, r *RepositoryRecord) error) (any, error) {
	then, err := c.change(ctx, func(now *call, s *State) error {
		r := &RepositoryRecord{}
		if have, _ := find[RepositoryRecord](s, repositoryKind, now.domain.Name, now.repo.Name); have != nil {
			*r = *have
		}
		if err := edit(now, r); err != nil {
			return err
		}
		s.put(repositoryKind, now.domain.Name, now.repo.Name, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if then.repo == nil {
		return nil, absent("repository", c.repo.Name, "the repository %s was deleted at the same time", c.repo.Name)
	}
	return object{"repository": then.repositoryDescription(then.domain, then.repo)}, nil
}

func updateRepository(ctx context.Context, c *call) (any, error) {
	return c.editRepository(ctx, func(now *call, r *RepositoryRecord) error {
		id := now.domain.Name + "/" + now.repo.Name
		if c.in.has("description") {
			if err := now.repo.fixed("repository", id, "description"); err != nil {
				return err
			}
			description := c.in.text("description")
			r.Description = &description
		}
		upstreams, given := c.upstreams()
		if !given {
			return nil
		}
		if err := now.repo.fixedLinks(id); err != nil {
			return err
		}
		if now.repo.Connection() != nil && len(upstreams) > 0 {
			return invalid(otherReason, "Repository %s has an external connection, and cannot have upstreams as well", now.repo.Name)
		}
		if err := now.linkable(now.repo.Name, upstreams); err != nil {
			return err
		}
		r.Linked, r.Upstreams = true, upstreams
		return nil
	})
}

// fixedLinks refuses a change of where a repository's packages come from, if the file says it.
func (r *Repository) fixedLinks(id string) error {
	for _, attribute := range []string{"upstreams", "external_connection"} {
		if err := r.fixed("repository", id, attribute); err != nil {
			return err
		}
	}
	return nil
}

func associateExternalConnection(ctx context.Context, c *call) (any, error) {
	name := c.in.text("externalConnection")
	return c.editRepository(ctx, func(now *call, r *RepositoryRecord) error {
		id := now.domain.Name + "/" + now.repo.Name
		if err := now.repo.fixedLinks(id); err != nil {
			return err
		}
		if _, known := c.o.Connection(name); !known {
			return absent("repository", id, "External connection %s does not exist: it is neither one of the service's names nor declared in the configuration", name)
		}
		switch x := now.repo.Connection(); {
		case len(now.repo.Upstreams()) > 0:
			return invalid(otherReason, "Repository %s has upstreams, and cannot have an external connection as well", now.repo.Name)
		case x != nil && x.Name == name:
			return conflict("repository", id, "Repository %s has the external connection %s already", now.repo.Name, name)
		case x != nil:
			return overQuota("repository", id, "ExternalConnections for repositories are currently limited to 1")
		}
		r.Linked, r.Upstreams, r.Connection = true, nil, name
		return nil
	})
}

func disassociateExternalConnection(ctx context.Context, c *call) (any, error) {
	name := c.in.text("externalConnection")
	return c.editRepository(ctx, func(now *call, r *RepositoryRecord) error {
		id := now.domain.Name + "/" + now.repo.Name
		if x := now.repo.Connection(); x == nil || x.Name != name {
			return absent("repository", id, "Repository %s has no external connection %s", now.repo.Name, name)
		}
		if err := now.repo.fixedLinks(id); err != nil {
			return err
		}
		r.Linked, r.Upstreams, r.Connection = true, nil, ""
		return nil
	})
}

func deleteRepository(ctx context.Context, c *call) (any, error) {
	description := c.repositoryDescription(c.domain, c.repo)
	name, id := c.repo.Name, c.repo.ID
	_, err := c.change(ctx, func(now *call, s *State) error {
		full := now.domain.Name + "/" + name
		if err := now.repo.fixed("repository", full, ""); err != nil {
			return err
		}
		for _, other := range now.domain.names {
			o := now.domain.Repositories[other]
			if !slices.ContainsFunc(o.Upstreams(), func(u *upstream.Repository) bool { return u.Name == name }) {
				continue
			}
			if err := o.fixed("repository", full, "upstreams"); err != nil {
				return err
			}
			have, _ := find[RepositoryRecord](s, repositoryKind, now.domain.Name, other)
			r := *have
			r.Upstreams = slices.DeleteFunc(slices.Clone(r.Upstreams), func(u string) bool { return u == name })
			s.put(repositoryKind, now.domain.Name, other, &r)
		}
		s.remove(repositoryKind, now.domain.Name, name)
		s.remove(policyKind, now.domain.Name, name)
		s.remove(tagsKind, now.domain.Name, "repository/"+name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Nobody reaches it any more; what it held goes now, whoever stays to wait for it.
	if err := c.o.Drop(context.WithoutCancel(ctx), id); err != nil {
		return nil, err
	}
	return object{"repository": description}, nil
}

func listRepositories(_ context.Context, c *call) (any, error) {
	type entry struct {
		d *Domain
		r *Repository
	}
	var list []entry
	for _, d := range c.o.Domains {
		if c.may("ListRepositoriesInDomain", policy.Resource{Domain: d.Name}) != nil {
			continue // another account's, and none of its business
		}
		for _, name := range d.names {
			if strings.HasPrefix(name, c.in.text("repositoryPrefix")) {
				list = append(list, entry{d, d.Repositories[name]})
			}
		}
	}
	key := func(e entry) string { return e.r.Name + "\x00" + e.d.Name }
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(key(a), key(b)) })
	part, next, err := page(c, list, key)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(part))
	for i, e := range part {
		out[i] = c.repositorySummary(e.d, e.r)
	}
	return object{"repositories": out, "nextToken": next}, nil
}

func listRepositoriesInDomain(_ context.Context, c *call) (any, error) {
	var list []*Repository
	for _, name := range c.domain.names {
		r := c.domain.Repositories[name]
		account := c.in.text("administratorAccount")
		if strings.HasPrefix(name, c.in.text("repositoryPrefix")) && (account == "" || account == r.Administrator) {
			list = append(list, r)
		}
	}
	part, next, err := page(c, list, func(r *Repository) string { return r.Name })
	if err != nil {
		return nil, err
	}
	out := make([]object, len(part))
	for i, r := range part {
		out[i] = c.repositorySummary(c.domain, r)
	}
	return object{"repositories": out, "nextToken": next}, nil
}
