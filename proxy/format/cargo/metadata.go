package cargo

import (
	"encoding/json"
	"strings"
	"time"

	"deps.dev/util/semver"

	"entrepot/cache"
)

// metadata is the JSON of a publish (Cargo book, "Registry Web API", publish).
type metadata struct {
	Name        string              `json:"name"`
	Version     string              `json:"vers"`
	Deps        []dependency        `json:"deps"`
	Features    map[string][]string `json:"features"`
	Links       *string             `json:"links"`
	RustVersion *string             `json:"rust_version"`
	about
}

// about is what searches show of a crate.
type about struct {
	Description   string   `json:"description,omitempty"`
	Homepage      string   `json:"homepage,omitempty"`
	Documentation string   `json:"documentation,omitempty"`
	Repository    string   `json:"repository,omitempty"`
	License       string   `json:"license,omitempty"`
	Keywords      []string `json:"keywords,omitempty"`
	Categories    []string `json:"categories,omitempty"`
}

type dependency struct {
	Name            string   `json:"name"`
	Requirement     string   `json:"version_req"`
	Features        []string `json:"features"`
	Optional        bool     `json:"optional"`
	DefaultFeatures bool     `json:"default_features"`
	Target          *string  `json:"target"`
	Kind            string   `json:"kind"`
	Registry        *string  `json:"registry"`
	Explicit        *string  `json:"explicit_name_in_toml"`
}

// indexLine is a line of the index (Cargo book, "Registry Index", JSON schema).
type indexLine struct {
	Name        string              `json:"name"`
	Version     string              `json:"vers"`
	Deps        []indexDependency   `json:"deps"`
	Cksum       string              `json:"cksum"`
	Features    map[string][]string `json:"features"`
	Yanked      bool                `json:"yanked"`
	Links       *string             `json:"links,omitempty"`
	RustVersion *string             `json:"rust_version,omitempty"`
	Features2   map[string][]string `json:"features2,omitempty"`
	Schema      int                 `json:"v,omitempty"`
	Pubtime     string              `json:"pubtime"`
}

type indexDependency struct {
	Name            string   `json:"name"`
	Requirement     string   `json:"req"`
	Features        []string `json:"features"`
	Optional        bool     `json:"optional"`
	DefaultFeatures bool     `json:"default_features"`
	Target          *string  `json:"target"`
	Kind            string   `json:"kind"`
	Registry        *string  `json:"registry,omitempty"`
	Package         *string  `json:"package,omitempty"`
}

func readMetadata(b []byte) (*metadata, error) {
	m := new(metadata)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, cache.Invalidf("the metadata is not valid: %v", err)
	}
	if err := publishable(m.Name); err != nil {
		return nil, err
	}
	if !validVersion(m.Version) {
		return nil, cache.Invalidf("%.100q is no version, such as 1.2.3", m.Version)
	}
	for i := range m.Deps {
		if err := m.Deps[i].check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (d *dependency) check() error {
	switch {
	case !readable(d.Name):
		return cache.Invalidf("the dependency %.100q has no crate's name", d.Name)
	case d.Explicit != nil && *d.Explicit != "" && !readable(*d.Explicit):
		return cache.Invalidf("the dependency %s is renamed to %.100q, which is no name", d.Name, *d.Explicit)
	}
	if _, err := semver.Cargo.ParseConstraint(d.Requirement); err != nil {
		return cache.Invalidf("the dependency %s requires %.100q, which is no requirement: %v", d.Name, d.Requirement, err)
	}
	switch d.Kind {
	case "":
		d.Kind = "normal"
	case "normal", "dev", "build":
	default:
		return cache.Invalidf("the dependency %s is of the kind %.100q, which there is not", d.Name, d.Kind)
	}
	return nil
}

// line is the version's line of the index. cksum is in hexadecimal.
func (m *metadata) line(cksum string, published time.Time) ([]byte, error) {
	l := indexLine{
		Name: m.Name, Version: m.Version, Cksum: cksum, Deps: []indexDependency{}, Features: map[string][]string{},
		Links: m.Links, RustVersion: m.RustVersion, Pubtime: published.UTC().Format(pubtimeLayout),
	}
	for i := range m.Deps {
		l.Deps = append(l.Deps, m.Deps[i].indexed())
	}
	for name, values := range m.Features {
		if !isNew(values) {
			l.Features[name] = orEmpty(values)
			continue
		}
		if l.Features2 == nil {
			l.Features2 = map[string][]string{}
		}
		// Cargo before 1.60 passes over what it would not understand.
		l.Features2[name], l.Schema = values, 2
	}
	return marshal(l)
}

// isNew reports whether a feature is written with what came with version 2 of the index: dep:NAME and NAME?/FEATURE.
func isNew(values []string) bool {
	for _, v := range values {
		if strings.HasPrefix(v, "dep:") || strings.Contains(v, "?/") {
			return true
		}
	}
	return false
}

// indexed converts a dependency: in an index, name is what Cargo.toml calls it, and package what it is, if they differ.
// A registry of null is this one.
func (d *dependency) indexed() indexDependency {
	out := indexDependency{
		Name: d.Name, Requirement: d.Requirement, Features: orEmpty(d.Features), Optional: d.Optional,
		DefaultFeatures: d.DefaultFeatures, Target: d.Target, Kind: d.Kind,
	}
	if d.Registry != nil && *d.Registry != "" {
		out.Registry = d.Registry
	}
	if d.Explicit != nil && *d.Explicit != "" {
		out.Name, out.Package = *d.Explicit, &d.Name
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
