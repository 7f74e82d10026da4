package policy

import (
	"slices"
	"strings"

	"entrepot/cache"
)

// The tree of a domain's groups, for those who look at it and edit it.

func (gs *Groups) all() []compiled {
	if gs == nil || gs.list == nil {
		return rootOnly
	}
	return gs.list
}

// Patterns returns the patterns of all groups, sorted as texts. The root is one of them.
func (gs *Groups) Patterns() []Pattern {
	var out []Pattern
	for i := range gs.all() {
		out = append(out, gs.all()[i].Pattern)
	}
	slices.SortFunc(out, func(a, b Pattern) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// Parent returns the next less specific group that has all of a pattern, which need not be a group's itself; false for
// the root.
func (gs *Groups) Parent(p Pattern) (Pattern, bool) {
	for _, c := range gs.all() { // the most specific first
		if c.Pattern.covers(&p) {
			return c.Pattern, true
		}
	}
	return Pattern{}, false
}

// Inherited returns the setting in force of a group's restriction, and the group that says so.
func (gs *Groups) Inherited(p Pattern, r Restriction) (s Setting, from Pattern) {
	for {
		for _, c := range gs.all() {
			if c.Pattern == p && c.Settings[r].Mode != "" && c.Settings[r].Mode != Inherit {
				return c.Settings[r], p
			}
		}
		parent, ok := gs.Parent(p)
		if !ok {
			return Setting{Mode: Allow}, p
		}
		p = parent
	}
}

// Normalize brings a package's names into the form in which its format's packages are known.
func Normalize(p cache.Package) cache.Package {
	p.Namespace, p.Name = normal(p.Format, p.Namespace), normal(p.Format, p.Name)
	return p
}

// Restrictions are all of them.
func Restrictions() []Restriction {
	return []Restriction{ByPublish, ByExternalUpstream, ByInternalUpstream}
}
