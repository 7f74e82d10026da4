package discover

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
)

// cargo reads cargo's own file for the user, then what its program has built in.
func cargo() []probe {
	return []probe{
		{"cargo's config.toml", cargoSet},
		builtin(probe{"cargo", cargoDefault}),
	}
}

// cargoSet follows [source.crates-io] replace-with. A replacement that is no sparse registry (a directory, a git
// repository) is no address, and ends the search.
func cargoSet(_ context.Context, m *machine) (answer, error) {
	base := m.getenv("CARGO_HOME")
	if base == "" {
		base = m.home(".cargo")
	}
	sources := map[string]map[string]string{}
	for _, name := range []string{"config.toml", "config"} {
		for _, t := range readTOML(filepath.Join(base, name)) {
			if kind, source, ok := strings.Cut(t.name, "."); ok && (kind == "source" || kind == "registries") && sources[source] == nil {
				sources[source] = t.values
			}
		}
	}
	source := "crates-io"
	for range 5 { // replacements of replacements
		next := sources[source]["replace-with"]
		if next == "" {
			break
		}
		source = next
	}
	if source == "crates-io" {
		return answer{}, errUnset
	}
	for _, key := range []string{"registry", "index"} {
		if u, ok := strings.CutPrefix(sources[source][key], "sparse+"); ok {
			return answer{urls: []string{u}}, nil
		}
	}
	return answer{urls: []string{""}}, nil
}

// sparseIndex is what the address of a sparse index looks like in a program, whatever its host.
var sparseIndex = regexp.MustCompile(`^sparse\+https://index\.[a-z0-9-]+(\.[a-z0-9-]+)*/`)

// cargoDefault looks for cargo's constant in its program; rustup's stand-in for it is asked where that is.
func cargoDefault(ctx context.Context, m *machine) (answer, error) {
	path, err := m.look("cargo")
	if err != nil {
		return answer{}, err
	}
	if out, err := m.run(ctx, "rustup", "which", "cargo"); err == nil {
		path = strings.TrimSpace(out)
	}
	found := scan(ctx, path, []byte("sparse+https://index."), sparseIndex)
	if found == "" {
		return answer{}, errUnset
	}
	return answer{urls: []string{strings.TrimPrefix(found, "sparse+")}}, nil
}
