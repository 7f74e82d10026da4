package codeartifact

import (
	"context"
	"maps"
	"slices"

	"entrepot/proxy/policy"
)

// tagged finds the resource of an ARN, and its name among the domain's tags.
func (c *call) tagged() (d *Domain, name string, err error) {
	arn := c.in.text("resourceArn")
	r, owner, ok := policy.ParseARN(arn)
	if !ok {
		return nil, "", invalid(fieldInvalid, "%q is not the ARN of a domain, a repository or a package group", arn)
	}
	if d = c.o.Domains[r.Domain]; d == nil || d.Owner != owner {
		return nil, "", absent("domain", r.Domain, "Domain not found: the domain %s does not exist", r.Domain)
	}
	c.domain = d
	if err := c.may(c.op.Name, r); err != nil {
		return nil, "", err
	}
	switch {
	case r.Group != "":
		if _, err := c.group(r.Group); err != nil {
			return nil, "", err
		}
		return d, "group" + r.Group, nil
	case r.Repository != "":
		_, err := c.repository(r.Repository)
		return d, "repository/" + r.Repository, err
	}
	return d, "", nil
}

func listTagsForResource(_ context.Context, c *call) (any, error) {
	d, name, err := c.tagged()
	if err != nil {
		return nil, err
	}
	tags := []object{}
	if have, _ := find[TagsRecord](c.o.State, tagsKind, d.Name, name); have != nil {
		for _, key := range slices.Sorted(maps.Keys(*have)) {
			tags = append(tags, object{"key": key, "value": rawText((*have)[key])})
		}
	}
	return object{"tags": tags}, nil
}

// rawText is a text that stays in an object even if it is empty.
type rawText string

func tagResource(ctx context.Context, c *call) (any, error) {
	return c.editTags(ctx, func(tags TagsRecord) error {
		maps.Copy(tags, c.tagList())
		if len(tags) > maxTags {
			return overQuota("", "", "a resource has at most %d tags", maxTags)
		}
		return nil
	})
}

func untagResource(ctx context.Context, c *call) (any, error) {
	return c.editTags(ctx, func(tags TagsRecord) error {
		for _, key := range c.in.texts("tagKeys") {
			delete(tags, key)
		}
		return nil
	})
}

func (c *call) editTags(ctx context.Context, edit func(TagsRecord) error) (any, error) {
	if _, _, err := c.tagged(); err != nil { // before the queue of changes
		return nil, err
	}
	_, err := c.change(ctx, func(now *call, s *State) error {
		d, name, err := now.tagged()
		if err != nil {
			return err
		}
		tags := TagsRecord{}
		if have, _ := find[TagsRecord](s, tagsKind, d.Name, name); have != nil {
			maps.Copy(tags, *have)
		}
		if err := edit(tags); err != nil {
			return err
		}
		if len(tags) == 0 {
			s.remove(tagsKind, d.Name, name)
			return nil
		}
		s.put(tagsKind, d.Name, name, &tags)
		return nil
	})
	return object{}, err
}
