package codeartifact

import (
	"context"
)

// change edits the state. What was in force when the request came may not be any more: so the call is moved to what
// is, and what it names is looked up again, before edit sees it. It returns the call over what is in force afterwards.
func (c *call) change(ctx context.Context, edit func(now *call, next *State) error) (*call, error) {
	after, err := c.o.Change(ctx, func(api *API, next *State) error {
		now := *c
		now.API = api
		if err := now.resolve(); err != nil {
			return err
		}
		return edit(&now, next)
	})
	if err != nil {
		return nil, err
	}
	then := *c
	then.API = after
	if c.domain != nil {
		then.domain = after.o.Domains[c.domain.Name]
	}
	if c.repo != nil && then.domain != nil {
		then.repo = then.domain.Repositories[c.repo.Name]
	}
	return &then, nil
}

// tagList reads the tags of a request.
func (c *call) tagList() map[string]string {
	list, _ := c.in["tags"].([]any)
	out := make(map[string]string, len(list))
	for _, x := range list {
		t, _ := x.(map[string]any)
		key, _ := t["key"].(string)
		out[key], _ = t["value"].(string)
	}
	return out
}

// maxTags is how many tags a resource may have (the service's quota is AWS's general one).
const maxTags = 50

// putTags stores the tags that a creating request brings.
func (c *call) putTags(s *State, domain, resource string) error {
	tags := c.tagList()
	if len(tags) == 0 {
		return nil
	}
	if len(tags) > maxTags {
		return invalid(fieldInvalid, "a resource has at most %d tags", maxTags)
	}
	s.put(tagsKind, domain, resource, (*TagsRecord)(&tags))
	return nil
}
