package config

import (
	"slices"
	"strings"
)

// cycles reports every upstream that leads back to a repository on the way to it.
func (c *checker) cycles(d *Domain) {
	done := map[string]bool{}
	var path []string
	var visit func(r *Repository)
	visit = func(r *Repository) {
		path = append(path, r.Name)
		for i, u := range r.Upstreams {
			if from := slices.Index(path, u); from >= 0 {
				c.wrong(where(r.Body, r.DefRange, "upstreams", i), "",
					"upstreams form a cycle: %s → %s", strings.Join(path[from:], " → "), u)
			} else if next := d.Repository(u); next != nil && !done[u] {
				visit(next)
			}
		}
		path, done[r.Name] = path[:len(path)-1], true
	}
	for i := range d.Repositories {
		if r := &d.Repositories[i]; !done[r.Name] {
			visit(r)
		}
	}
}

// walks reports the repositories whose walk is too long, unless that is so because an upstream's is already.
func (c *checker) walks(d *Domain) {
	size := map[string]int{}
	for i := range d.Repositories {
		size[d.Repositories[i].Name] = len(walk(d, &d.Repositories[i], map[string]bool{}))
	}
	for i := range d.Repositories {
		r := &d.Repositories[i]
		inherited := slices.ContainsFunc(r.Upstreams, func(u string) bool { return size[u] > maxWalk })
		if size[r.Name] > maxWalk && !inherited {
			c.wrong(where(r.Body, r.DefRange, "upstreams"), "",
				"the walk from repository %q has %d repositories; %d at most", r.Name, size[r.Name], maxWalk)
		}
	}
}

// walk returns the repositories that answer for r: itself, then its upstreams depth-first, each once.
func walk(d *Domain, r *Repository, seen map[string]bool) []string {
	if seen[r.Name] {
		return nil
	}
	seen[r.Name] = true
	names := []string{r.Name}
	for _, u := range r.Upstreams {
		if next := d.Repository(u); next != nil {
			names = append(names, walk(d, next, seen)...)
		}
	}
	return names
}
