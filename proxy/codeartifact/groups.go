package codeartifact

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/policy"
)

// packageGroup is a package group in force: what the file declares of it, and what was made or set here.
type packageGroup struct {
	Declaration
	pattern              policy.Pattern
	contact, description string
	modes                map[string]policy.Setting // by the restriction's name, with the list even where the mode ignores it
	created              time.Time
}

// settings are what the groups are compiled of.
func (g *packageGroup) settings() (out [3]policy.Setting) {
	for _, r := range policy.Restrictions() {
		s := g.modes[r.String()]
		if s.Mode != policy.AllowSpecific {
			s.Repositories = nil
		}
		out[r] = s
	}
	return out
}

// groups returns all groups of the domain, the root among them, sorted by pattern.
func (d *Domain) groups(s *State) []packageGroup {
	list := []packageGroup{{created: d.Created}} // the root
	for _, g := range d.declared {
		view := packageGroup{
			Declaration: g.Declaration, pattern: g.Pattern, contact: g.Contact, description: g.Description,
			modes: g.Settings, created: d.Created,
		}
		if g.Pattern == (policy.Pattern{}) {
			list[0] = view
		} else {
			list = append(list, view)
		}
	}
	for name, r := range all[GroupRecord](s, groupKind, d.Name) {
		p, err := policy.ParsePattern(name)
		if err != nil {
			continue // cannot be: it was parsed when it was made
		}
		i := slices.IndexFunc(list, func(g packageGroup) bool { return g.pattern == p })
		if i < 0 {
			if !r.Made {
				continue // what was set here of one that the file declares no more
			}
			_, created := find[GroupRecord](s, groupKind, d.Name, name)
			list = append(list, packageGroup{pattern: p, created: created})
			i = len(list) - 1
		}
		list[i].take(r)
	}
	slices.SortFunc(list, func(a, b packageGroup) int { return strings.Compare(a.pattern.String(), b.pattern.String()) })
	return list
}

// take lays what was set here over what the file says, where the file says nothing.
func (g *packageGroup) take(r *GroupRecord) {
	if r.Contact != nil && !g.Sets["contact"] {
		g.contact = *r.Contact
	}
	if r.Description != nil && !g.Sets["description"] {
		g.description = *r.Description
	}
	modes := maps.Clone(g.modes)
	if modes == nil {
		modes = map[string]policy.Setting{}
	}
	for name, s := range r.Settings {
		if !g.Sets[strings.ToLower(name)] {
			modes[name] = s
		}
	}
	g.modes = modes
}

// group finds a group by its pattern.
func (c *call) group(pattern string) (*packageGroup, error) {
	p, err := policy.ParsePattern(pattern)
	if err != nil {
		return nil, invalid(fieldInvalid, "%v", err)
	}
	for _, g := range c.domain.groups(c.o.State) {
		if g.pattern == p {
			return &g, nil
		}
	}
	return nil, absent("package", pattern, "Package group not found: %s in domain %s", pattern, c.domain.Name)
}

func (c *call) groupARN(p policy.Pattern) string {
	return policy.Resource{Domain: c.domain.Name, Group: p.String()}.ARN(c.region(), c.domain.Owner)
}

func (c *call) groupReference(p policy.Pattern) object {
	return object{"arn": c.groupARN(p), "pattern": p.String()}
}

func (c *call) groupDescription(g *packageGroup) object {
	restrictions := object{}
	for _, r := range policy.Restrictions() {
		own := g.modes[r.String()]
		if own.Mode == "" {
			own.Mode = policy.Inherit
		}
		effective, from := c.domain.Groups.Inherited(g.pattern, r)
		if own.Mode == policy.Inherit && g.pattern == (policy.Pattern{}) {
			own.Mode = policy.Allow
		}
		one := object{"mode": own.Mode, "effectiveMode": effective.Mode, "repositoriesCount": len(own.Repositories)}
		if own.Mode == policy.Inherit {
			one["inheritedFrom"] = c.groupReference(from)
		}
		restrictions[r.String()] = one
	}
	out := object{
		"arn": c.groupARN(g.pattern), "pattern": g.pattern.String(), "domainName": c.domain.Name, "domainOwner": c.domain.Owner,
		"createdTime": seconds(g.created), "contactInfo": g.contact, "description": g.description,
		"originConfiguration": object{"restrictions": restrictions},
	}
	if parent, ok := c.domain.Groups.Parent(g.pattern); ok {
		out["parent"] = c.groupReference(parent)
	}
	return out
}

func describePackageGroup(_ context.Context, c *call) (any, error) {
	g, err := c.group(c.in.text("packageGroup"))
	if err != nil {
		return nil, err
	}
	return object{"packageGroup": c.groupDescription(g)}, nil
}

// answerGroup is the group after a change.
func (c *call) answerGroup(pattern string, more object) (any, error) {
	if c.domain == nil {
		return nil, absent("domain", "", "the domain was deleted at the same time")
	}
	g, err := c.group(pattern)
	if err != nil {
		return nil, err
	}
	out := object{"packageGroup": c.groupDescription(g)}
	maps.Copy(out, more)
	return out, nil
}

func createPackageGroup(ctx context.Context, c *call) (any, error) {
	pattern, err := policy.ParsePattern(c.in.text("packageGroup"))
	if err != nil {
		return nil, invalid(fieldInvalid, "%v", err)
	}
	name := pattern.String()
	then, err := c.change(ctx, func(now *call, s *State) error {
		if _, err := now.group(name); err == nil {
			return conflict("package", name, "Package group already exists: %s", name)
		}
		r := &GroupRecord{Made: true}
		c.groupTexts(r)
		s.put(groupKind, now.domain.Name, name, r)
		return c.putTags(s, now.domain.Name, "group"+name)
	})
	if err != nil {
		return nil, err
	}
	return then.answerGroup(name, nil)
}

// groupTexts takes the texts that a request gives.
func (c *call) groupTexts(r *GroupRecord) {
	if c.in.has("contactInfo") {
		text := c.in.text("contactInfo")
		r.Contact = &text
	}
	if c.in.has("description") {
		text := c.in.text("description")
		r.Description = &text
	}
}

// editGroup changes what is set here of a group.
func (c *call) editGroup(ctx context.Context, edit func(now *call, g *packageGroup, r *GroupRecord) error) (*call, string, error) {
	var name string
	then, err := c.change(ctx, func(now *call, s *State) error {
		g, err := now.group(c.in.text("packageGroup"))
		if err != nil {
			return err
		}
		name = g.pattern.String()
		r := &GroupRecord{}
		if have, _ := find[GroupRecord](s, groupKind, now.domain.Name, name); have != nil {
			*r = *have
		}
		if err := edit(now, g, r); err != nil {
			return err
		}
		s.put(groupKind, now.domain.Name, name, r)
		return nil
	})
	return then, name, err
}

func updatePackageGroup(ctx context.Context, c *call) (any, error) {
	then, name, err := c.editGroup(ctx, func(_ *call, g *packageGroup, r *GroupRecord) error {
		for attribute, member := range map[string]string{"contact": "contactInfo", "description": "description"} {
			if c.in.has(member) {
				if err := g.fixed("package", g.pattern.String(), attribute); err != nil {
					return err
				}
			}
		}
		c.groupTexts(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return then.answerGroup(name, nil)
}

func deletePackageGroup(ctx context.Context, c *call) (any, error) {
	g, err := c.group(c.in.text("packageGroup"))
	if err != nil {
		return nil, err
	}
	if g.pattern == (policy.Pattern{}) {
		return nil, invalid(otherReason, "The root package group /* cannot be deleted")
	}
	name, description := g.pattern.String(), c.groupDescription(g)
	_, err = c.change(ctx, func(now *call, s *State) error {
		g, err := now.group(name)
		if err != nil {
			return err
		}
		if err := g.fixed("package", name, ""); err != nil {
			return err
		}
		s.remove(groupKind, now.domain.Name, name)
		s.remove(tagsKind, now.domain.Name, "group"+name)
		return nil
	})
	return object{"packageGroup": description}, err
}

func listPackageGroups(_ context.Context, c *call) (any, error) {
	return c.groupPage(func(g *packageGroup) bool { return strings.HasPrefix(g.pattern.String(), c.in.text("prefix")) })
}

func listSubPackageGroups(_ context.Context, c *call) (any, error) {
	of, err := c.group(c.in.text("packageGroup"))
	if err != nil {
		return nil, err
	}
	return c.groupPage(func(g *packageGroup) bool {
		parent, ok := c.domain.Groups.Parent(g.pattern)
		return ok && parent == of.pattern
	})
}

func (c *call) groupPage(keep func(*packageGroup) bool) (any, error) {
	list := slices.DeleteFunc(c.domain.groups(c.o.State), func(g packageGroup) bool { return !keep(&g) })
	part, next, err := page(c, list, func(g packageGroup) string { return g.pattern.String() })
	if err != nil {
		return nil, err
	}
	out := make([]object, len(part))
	for i := range part {
		out[i] = c.groupDescription(&part[i])
	}
	return object{"packageGroups": out, "nextToken": next}, nil
}

func listAllowedRepositoriesForGroup(_ context.Context, c *call) (any, error) {
	g, err := c.group(c.in.text("packageGroup"))
	if err != nil {
		return nil, err
	}
	list := slices.Clone(g.modes[c.in.text("originRestrictionType")].Repositories)
	slices.Sort(list)
	part, next, err := page(c, list, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	return object{"allowedRepositories": append([]string{}, part...), "nextToken": next}, nil
}

func getAssociatedPackageGroup(_ context.Context, c *call) (any, error) {
	pattern, strength := c.domain.Groups.Of(c.pkg)
	g, err := c.group(pattern.String())
	if err != nil {
		return nil, err
	}
	return object{"packageGroup": c.groupDescription(g), "associationType": association(strength)}, nil
}

func association(s policy.Strength) string {
	if s == policy.Weak {
		return "WEAK"
	}
	return "STRONG"
}

// scanBatch is how many names are looked at in one go while the packages of a group are listed.
const scanBatch = 1000

func listAssociatedPackages(ctx context.Context, c *call) (any, error) {
	pattern, err := policy.ParsePattern(c.in.text("packageGroup"))
	if err != nil {
		return nil, invalid(fieldInvalid, "%v", err)
	}
	groups := c.domain.Groups
	if _, err := c.group(pattern.String()); err != nil {
		if !c.in.flag("preview") {
			return nil, err
		}
		if groups, err = c.preview(pattern); err != nil {
			return nil, err
		}
	}
	place, err := c.after(3)
	if err != nil {
		return nil, err
	}
	var after cache.Package
	if place != nil {
		after = cache.Package{Format: place[0], Namespace: place[1], Name: place[2]}
	}
	out, limit := []object{}, c.pageSize()
	for {
		names, err := c.o.Index.Names(ctx, c.domain.Name, after, scanBatch)
		if err != nil {
			return nil, err
		}
		for _, p := range names {
			of, strength := groups.Of(p)
			if of == pattern {
				if len(out) == limit {
					return object{"packages": out, "nextToken": c.token(after.Format, after.Namespace, after.Name)}, nil
				}
				out = append(out, object{"format": p.Format, "namespace": p.Namespace, "package": p.Name, "associationType": association(strength)})
			}
			after = p
		}
		if len(names) < scanBatch {
			return object{"packages": out}, nil
		}
	}
}

// preview is what the groups would be with one more.
func (c *call) preview(pattern policy.Pattern) (*policy.Groups, error) {
	list := []policy.Group{{Pattern: pattern}}
	for _, g := range c.domain.groups(c.o.State) {
		list = append(list, policy.Group{Pattern: g.pattern, Settings: g.settings()})
	}
	return policy.NewGroups(list)
}

func updatePackageGroupOriginConfiguration(ctx context.Context, c *call) (any, error) {
	updates := map[string]map[string][]string{}
	then, name, err := c.editGroup(ctx, func(now *call, g *packageGroup, r *GroupRecord) error {
		clear(updates)
		e := originEdit{c: now, g: g, settings: maps.Clone(g.modes), updates: updates}
		if e.settings == nil {
			e.settings = map[string]policy.Setting{}
		}
		if err := e.run(); err != nil {
			return err
		}
		r.Settings = e.settings
		return nil
	})
	if err != nil {
		return nil, err
	}
	return then.answerGroup(name, object{"allowedRepositoryUpdates": updates})
}

// originEdit is a change of a group's restrictions.
type originEdit struct {
	c        *call
	g        *packageGroup
	settings map[string]policy.Setting
	updates  map[string]map[string][]string // by restriction, then ADDED or REMOVED
}

func (e *originEdit) run() error {
	for restriction, mode := range e.c.in.pairs("restrictions") {
		if err := e.fixed(restriction); err != nil {
			return err
		}
		if policy.Mode(mode) == policy.Inherit && e.g.pattern == (policy.Pattern{}) {
			return invalid(otherReason, "The root package group has nothing to inherit %s from", restriction)
		}
		s := e.settings[restriction]
		s.Mode = policy.Mode(mode)
		e.settings[restriction] = s
	}
	if err := e.repositories("removeAllowedRepositories", "REMOVED"); err != nil {
		return err
	}
	if err := e.repositories("addAllowedRepositories", "ADDED"); err != nil {
		return err
	}
	return nil
}

func (e *originEdit) fixed(restriction string) error {
	return e.g.fixed("package", e.g.pattern.String(), strings.ToLower(restriction))
}

// repositories adds or removes allowed repositories.
func (e *originEdit) repositories(member, kind string) error {
	list, _ := e.c.in[member].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		name, _ := m["repositoryName"].(string)
		restriction, _ := m["originRestrictionType"].(string)
		if err := e.fixed(restriction); err != nil {
			return err
		}
		s := e.settings[restriction]
		i := slices.Index(s.Repositories, name)
		switch {
		case kind == "ADDED" && i < 0:
			if _, err := e.c.repository(name); err != nil {
				return err
			}
			s.Repositories = append(slices.Clone(s.Repositories), name)
		case kind == "REMOVED" && i >= 0:
			s.Repositories = slices.Delete(slices.Clone(s.Repositories), i, i+1)
		default:
			continue
		}
		if e.updates[restriction] == nil {
			e.updates[restriction] = map[string][]string{}
		}
		e.updates[restriction][kind] = append(e.updates[restriction][kind], name)
		e.settings[restriction] = s
	}
	return nil
}
