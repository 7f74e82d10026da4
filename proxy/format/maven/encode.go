package maven

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"deps.dev/util/semver"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Encode writes maven-metadata.xml: listed versions in Maven's order without the builds of snapshots, and plugin
// prefixes. If there are none it is cache.ErrAbsent: for Maven an artifact without versions does not exist.
func (Format) Encode(w io.Writer, l *cache.Listing, v format.View) error {
	if v.Name != viewIndex {
		return fmt.Errorf("view %q of an artifact", v.Name)
	}
	m, err := indexOf(l)
	if err != nil {
		return err
	}
	return m.write(w)
}

// indexOf makes the metadata of a listing.
func indexOf(l *cache.Listing) (*metadata, error) {
	prefixes, err := pluginsOf(l)
	if err != nil {
		return nil, fmt.Errorf("plugins of %s: %w", l.Package, err)
	}
	var c chosen
	for i := range l.Versions {
		v := &l.Versions[i]
		f, err := fragmentOf(v)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", v.Version, l.Package, err)
		}
		visible := v.Refused == "" && v.Status.Listed()
		if _, single := parseBuild(v.Version); !single {
			c.add(v, f, visible)
		}
	}
	if len(c.versions) == 0 && len(prefixes) == 0 {
		return nil, fmt.Errorf("%s has no version that is listed: %w", l.Package, cache.ErrAbsent)
	}
	m := new(metadata)
	if len(prefixes) > 0 {
		m.Plugins = &plugins{prefixes}
	}
	if len(c.versions) > 0 {
		m.GroupID, m.ArtifactID = l.Package.Namespace, l.Package.Name
		m.Versioning = c.versioning()
		m.Versioning.LastUpdated = formatTime(l.Modified)
	}
	return m, nil
}

// chosen are the versions of an artifact, and what registries call the latest of them.
type chosen struct {
	versions        []ordered // visible
	latest, release *ordered  // the highest that a registry calls so, visible or not
}

// ordered is a version that can be compared.
type ordered struct {
	name     string
	parsed   *semver.Version // nil: it makes no sense to the parser, and comes first
	internal bool
}

func order(name string) ordered {
	parsed, err := semver.Maven.Parse(name)
	if err != nil {
		parsed = nil
	}
	return ordered{name: name, parsed: parsed}
}

// compare is Maven's order of versions (POM reference, "Version Order Specification").
func (a ordered) compare(b ordered) int {
	switch {
	case a.parsed != nil && b.parsed != nil:
		if c := a.parsed.Compare(b.parsed); c != 0 {
			return c
		}
	case a.parsed != nil:
		return 1
	case b.parsed != nil:
		return -1
	}
	return strings.Compare(a.name, b.name)
}

func (c *chosen) add(v *cache.Version, f fragment, visible bool) {
	o := order(v.Version)
	o.internal = v.Origin.Repository != ""
	if f.Latest && (c.latest == nil || o.compare(*c.latest) > 0) {
		c.latest = &o
	}
	if f.Release && !isSnapshot(v.Version) && (c.release == nil || o.compare(*c.release) > 0) {
		c.release = &o
	}
	if visible {
		c.versions = append(c.versions, o)
	}
}

func (c *chosen) versioning() *versioning {
	slices.SortFunc(c.versions, ordered.compare)
	v := &versioning{
		Versions: new(versions),
		Latest:   c.highest(c.latest, func(string) bool { return true }),
		Release:  c.highest(c.release, func(name string) bool { return !isSnapshot(name) }),
	}
	for _, o := range c.versions {
		v.Versions.List = append(v.Versions.List, o.name)
	}
	return v
}

// highest is the highest visible version of a kind that is not above what registries call the latest of it: versions
// such as 20030203.000550, once given in error, are the highest of old artifacts, and not the latest.
func (c *chosen) highest(limit *ordered, kind func(string) bool) string {
	for _, o := range slices.Backward(c.versions) {
		if kind(o.name) && (limit == nil || o.internal || o.compare(*limit) <= 0) {
			return o.name
		}
	}
	return ""
}
