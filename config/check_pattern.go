package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPattern is the service's limit for the pattern of a package group.
const maxPattern = 520

var restrictions = []string{"ALLOW", "BLOCK", "INHERIT", "ALLOW_SPECIFIC_REPOSITORIES"}

func (c *checker) groups(d *Domain) {
	seen := map[string]string{}
	for i := range d.PackageGroups {
		g := &d.PackageGroups[i]
		if err := checkPattern(g.Pattern, false); err != nil {
			c.wrong(g.DefRange, patternHint, "package_group: %v", err)
		}
		if first, ok := seen[g.Pattern]; ok {
			c.wrong(g.DefRange, "", "package_group %q is declared twice, first at %s", g.Pattern, first)
		} else {
			seen[g.Pattern] = g.Place()
		}
		c.restriction(d, g, "publish", g.Publish, g.PublishRepositories)
		c.restriction(d, g, "external_upstream", g.ExternalUpstream, g.ExternalUpstreamRepositories)
		c.restriction(d, g, "internal_upstream", g.InternalUpstream, g.InternalUpstreamRepositories)
	}
}

func (c *checker) restriction(d *Domain, g *PackageGroup, name, mode string, list []string) {
	at := inBlock(g.Body, g.DefRange)
	c.word(at(name), name, mode, restrictions...)
	if (mode == "ALLOW_SPECIFIC_REPOSITORIES") != (len(list) > 0) {
		c.wrong(at(name), "", "%s = \"ALLOW_SPECIFIC_REPOSITORIES\" and %s_repositories go together", name, name)
	}
	for i, r := range list {
		if d.Repository(r) == nil {
			c.missing(at(name+"_repositories", i), meant(r, repositories(d)),
				"%s_repositories: domain %q has no repository %q", name, d.Name, r)
		}
	}
}

func (c *checker) rules(d *Domain) {
	seen := map[string]string{}
	unique := func(kind, name string, r at) {
		if first, ok := seen[kind+name]; ok {
			c.wrong(r(""), "", "%s %q is declared twice, first at %s", kind, name, first)
		} else {
			seen[kind+name] = place(r(""))
		}
	}
	for i := range d.Rules {
		r := &d.Rules[i]
		at := inBlock(r.Body, r.DefRange)
		unique("rule", r.Name, at)
		c.patterns(at, "match", r.Match)
		c.patterns(at, "except", r.Except)
		c.length(at("min_age"), "min_age", r.MinAge)
		c.rule(r, at)
	}
	for i := range d.Retentions {
		r := &d.Retentions[i]
		at := inBlock(r.Body, r.DefRange)
		unique("retention", r.Name, at)
		c.patterns(at, "match", r.Match)
		c.patterns(at, "except", r.Except)
		c.length(at("max_idle"), "max_idle", r.MaxIdle)
		c.length(at("max_age"), "max_age", r.MaxAge)
		if r.KeepLast < 0 || r.KeepLast == 0 && r.MaxIdle == "" && r.MaxAge == "" {
			c.wrong(at("keep_last"), "", "retention %q says neither what to keep nor what goes", r.Name)
		}
	}
}

// dated are the formats whose registries say when a version was published.
var dated = []string{"cargo", "npm", "pypi"}

func (c *checker) rule(r *Rule, at at) {
	if r.FreezeAfter != "" {
		if _, err := ParseMoment(r.FreezeAfter); err != nil {
			c.wrong(at("freeze_after"), "", "freeze_after: %v", err)
		}
	}
	c.word(at("mode"), "mode", r.Mode, "enforce", "observe")
	if r.MinAge == "" && r.FreezeAfter == "" {
		if !r.Deny {
			c.wrong(at("match"), "give it min_age, freeze_after or deny", "rule %q refuses nothing", r.Name)
		}
		return
	}
	for i, p := range r.Match {
		parts := strings.SplitN(p, "/", 3)
		if len(parts) == 3 && !slices.Contains(dated, parts[1]) && slices.Contains(Formats(), parts[1]) || p == "/*" {
			c.wrong(at("match", i), "name the formats that have dates: "+strings.Join(dated, ", "),
				"rule %q goes by dates, which not every registry of %q gives: it could not be enforced", r.Name, p)
		}
	}
}

func (c *checker) patterns(at at, name string, list []string) {
	for i, p := range list {
		if err := checkPattern(p, true); err != nil {
			c.wrong(at(name, i), patternHint, "%s: %v", name, err)
		}
	}
}

const patternHint = "write /*, /FORMAT/*, /FORMAT/NAMESPACE/*, /FORMAT/NAMESPACE/PREFIX~ or /FORMAT/NAMESPACE/NAME$"

// checkPattern checks the form of a package group's pattern; with ranged, one that may end in @RANGE.
func checkPattern(p string, ranged bool) error {
	bare := p
	if ranged {
		if i := strings.LastIndexByte(p, '@'); i > 0 && p[i-1] != '/' {
			bare = p[:i]
		}
	}
	if n := utf8.RuneCountInString(p); n < 2 || n > maxPattern {
		return fmt.Errorf("pattern of %d characters, not 2 to %d", n, maxPattern)
	}
	if strings.IndexFunc(bare, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) >= 0 {
		return fmt.Errorf("pattern %q has white space", p)
	}
	if bare == "/*" {
		return nil
	}
	body, end := bare[:len(bare)-1], bare[len(bare)-1]
	parts := strings.Split(body, "/")
	switch {
	case parts[0] != "" || len(parts) < 3 || len(parts) > 4 || !strings.ContainsRune("*~$", rune(end)):
		return fmt.Errorf("%q is no pattern", p)
	case !slices.Contains(Formats(), parts[1]):
		return fmt.Errorf("pattern %q names no format: %s", p, strings.Join(Formats(), ", "))
	case strings.ContainsAny(body, "*~$#"):
		return fmt.Errorf("pattern %q has *, ~ or $ before its end", p)
	case end == '*' && parts[len(parts)-1] != "", end != '*' && parts[len(parts)-1] == "":
		return fmt.Errorf("%q is no pattern", p)
	case end == '$' && len(parts) != 4:
		return fmt.Errorf("pattern %q names no package", p)
	}
	return nil
}
