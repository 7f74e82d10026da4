package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"entrepot/cache"
)

// Restriction is one of the ways in which a version comes into a repository.
type Restriction uint8

// The restrictions of a package group.
const (
	ByPublish Restriction = iota
	ByExternalUpstream
	ByInternalUpstream
	restrictions
)

func (r Restriction) String() string {
	return [...]string{"PUBLISH", "EXTERNAL_UPSTREAM", "INTERNAL_UPSTREAM"}[min(r, restrictions-1)]
}

// Mode is the setting of a restriction.
type Mode string

// The modes, as the service spells them. An empty Mode is Inherit.
const (
	Allow         Mode = "ALLOW"
	Block         Mode = "BLOCK"
	AllowSpecific Mode = "ALLOW_SPECIFIC_REPOSITORIES"
	Inherit       Mode = "INHERIT"
)

// Setting is a restriction with the repositories that AllowSpecific names.
type Setting struct {
	Mode         Mode
	Repositories []string
}

// Group is a package group: a pattern and its own settings.
type Group struct {
	Pattern  Pattern
	Settings [restrictions]Setting // by Restriction
	Place    string                // where it is declared: "config.hcl:41"; empty: the pattern names it
}

func (g *Group) String() string {
	if g.Place != "" {
		return g.Place
	}
	return "package group " + g.Pattern.String()
}

// Groups are the package groups of a domain, compiled and immutable. The zero value and nil have only the root group,
// "/*", which allows everything.
type Groups struct {
	list []compiled // the most specific first, the root last
}

type compiled struct {
	Group
	parent    int                     // its index; -1 for the root
	effective [restrictions]effective // Inherit resolved
}

type effective struct {
	Setting
	from string // the group that says so
}

// NewGroups compiles the groups of a domain. The root group is added where it is missing; what it inherits is Allow.
func NewGroups(groups []Group) (*Groups, error) {
	list := make([]compiled, 0, len(groups)+1)
	seen := make(map[Pattern]bool)
	for _, g := range groups {
		if seen[g.Pattern] {
			return nil, fmt.Errorf("%s: the package group %s exists already", g.String(), g.Pattern)
		}
		seen[g.Pattern] = true
		for r, s := range g.Settings {
			if !s.valid() {
				return nil, fmt.Errorf("%s: %s: mode %q with %d repositories", g.String(), Restriction(r), s.Mode, len(s.Repositories))
			}
		}
		list = append(list, compiled{Group: g})
	}
	if !seen[Pattern{}] {
		list = append(list, compiled{})
	}
	slices.SortFunc(list, func(a, b compiled) int {
		p, q := &a.Pattern, &b.Pattern
		return cmp.Or(q.compare(p), len(q.namespace)+len(q.name)-len(p.namespace)-len(p.name), strings.Compare(p.String(), q.String()))
	})
	for i := len(list) - 1; i >= 0; i-- { // parents come after their children
		list[i].inherit(list, i)
	}
	return &Groups{list}, nil
}

func (s Setting) valid() bool {
	switch s.Mode {
	case "", Inherit, Allow, Block:
		return len(s.Repositories) == 0
	}
	return s.Mode == AllowSpecific
}

// inherit finds the parent, the next less specific group that has all of this one, and takes from it what is not set.
func (c *compiled) inherit(list []compiled, i int) {
	c.parent = -1
	for j := i + 1; j < len(list); j++ {
		if list[j].Pattern.covers(&c.Pattern) {
			c.parent = j
			break
		}
	}
	for r, s := range c.Settings {
		switch {
		case s.Mode != "" && s.Mode != Inherit:
			c.effective[r] = effective{s, c.String()}
		case c.parent < 0:
			c.effective[r] = effective{Setting{Mode: Allow}, c.String()}
		default:
			c.effective[r] = list[c.parent].effective[r]
		}
	}
}

var rootOnly = []compiled{{parent: -1, effective: [restrictions]effective{
	{Setting: Setting{Mode: Allow}}, {Setting: Setting{Mode: Allow}}, {Setting: Setting{Mode: Allow}},
}}}

// of returns the group that the package belongs to: the most specific one that matches; of equals, one that matches
// strongly.
func (gs *Groups) of(p cache.Package) (*compiled, Strength) {
	list := rootOnly
	if gs != nil && gs.list != nil {
		list = gs.list
	}
	s := subject{Package: p, weakNamespace: fold(p.Namespace), weakName: fold(p.Name)}
	var best *compiled
	strength := NoMatch
	for i := range list {
		c := &list[i]
		if best != nil && c.Pattern.compare(&best.Pattern) < 0 {
			break
		}
		if m := c.Pattern.match(s); m > strength {
			best, strength = c, m
		}
	}
	return best, strength
}

// Of returns the pattern of the group that the package belongs to, and how it matches. A weak match belongs to the
// group and is blocked entirely.
func (gs *Groups) Of(p cache.Package) (Pattern, Strength) {
	c, strength := gs.of(p)
	return c.Pattern, strength
}

// Effective returns the setting of a restriction for a package, inherited where its group does not set it.
func (gs *Groups) Effective(p cache.Package, r Restriction) Setting {
	c, strength := gs.of(p)
	if strength == Weak {
		return Setting{Mode: Block}
	}
	return c.effective[r].Setting
}

// Admits decides whether a version of the package may come into the repository that way, as far as its group goes.
func (gs *Groups) Admits(p cache.Package, r Restriction, repository string) Decision {
	c, strength := gs.of(p)
	if strength == Weak {
		return Decision{Rule: c.String(), Reason: "the name is too similar to those of the package group " + c.Pattern.String()}
	}
	e := &c.effective[r]
	if e.Mode == Allow || e.Mode == AllowSpecific && slices.Contains(e.Repositories, repository) {
		return Decision{Allow: true}
	}
	return Decision{Rule: e.from, Reason: blocked[r]}
}

var blocked = [...]string{
	ByPublish:          "the package group does not let this repository publish it",
	ByExternalUpstream: "the package group does not let this repository take it from a public registry",
	ByInternalUpstream: "the package group does not let this repository take it from upstream",
}
