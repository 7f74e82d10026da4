package codeartifact

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"entrepot/cache"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// copyPackageVersions records versions in another repository of the domain: rows, never bytes. It passes by origin
// controls, as the service's does: so a patched version of a public package can be brought in.
func copyPackageVersions(ctx context.Context, c *call) (any, error) {
	source, err := c.repository(c.in.text("sourceRepository"))
	if err != nil {
		return nil, err
	}
	to, err := c.repository(c.in.text("destinationRepository"))
	if err != nil {
		return nil, err
	}
	if err := c.may("ReadFromRepository", policy.Resource{Domain: c.domain.Name, Repository: source.Name}); err != nil {
		return nil, err
	}
	if err := c.may("CopyPackageVersions", policy.Resource{Domain: c.domain.Name, Repository: to.Name, Package: c.pkg}); err != nil {
		return nil, err
	}
	b, err := c.newBulk()
	if err != nil {
		return nil, err
	}
	switch {
	case source.ID == to.ID:
		return nil, invalid(otherReason, "the source and the destination are the same repository")
	case c.in.has("versions") && c.in.has("versionRevisions"):
		return nil, invalid(fieldInvalid, "either versions or versionRevisions is given, not both")
	case len(b.names) == 0:
		b.names = slices.Sorted(maps.Keys(b.revisions))
	}
	found, err := c.sourceOf(ctx, source)
	if err != nil {
		return nil, err
	}
	c.repo = to
	return b.answer(c.editPackage(ctx, func(h *cache.Holding) error { return b.copyInto(h, found) }))
}

// sourceOf is what the source repository holds of the package, and what is stored upstream of it if that was asked for.
func (c *call) sourceOf(ctx context.Context, source *Repository) (*cache.Holding, error) {
	ids := []cache.RepositoryID{source.ID}
	if c.in.flag("includeFromUpstream") {
		ids = ids[:0]
		for _, r := range source.Walk() {
			ids = append(ids, r.ID)
		}
	}
	list, err := c.domain.Index.Holdings(ctx, ids, c.pkg)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		c.repo = source
		return nil, c.noPackage()
	}
	out := list[0]
	out.Tags = maps.Clone(out.Tags)
	for _, h := range list[1:] {
		for _, v := range h.Versions {
			if out.Version(v.Version) == nil {
				out.Versions = append(out.Versions, v)
			}
		}
		for tag, v := range h.Tags {
			if _, set := out.Tags[tag]; !set {
				out.Tags[tag] = v
			}
		}
	}
	return &out, nil
}

func (b *bulk) copyInto(h *cache.Holding, source *cache.Holding) error {
	b.succeeded, b.failed = map[string]object{}, map[string]object{}
	fresh := len(h.Versions) == 0 && h.Controls == cache.Controls{}
	for _, name := range b.names {
		v := source.Version(name)
		f := b.check(name, v)
		if f == nil {
			f = b.copyOne(h, v)
		}
		if f != nil {
			b.failed[name] = f.object()
		}
	}
	if err := b.settle(); err != nil {
		return err
	}
	if h.Meta == nil {
		h.Meta = source.Meta
	}
	for tag, version := range source.Tags {
		if slices.Contains(b.names, version) {
			h.Tags[tag] = version
		}
	}
	if fresh && len(h.Versions) > 0 {
		h.Controls = b.c.domain.Initial(b.c.pkg, h.Versions[0].Origin.Internal())
	}
	return nil
}

func (b *bulk) copyOne(h *cache.Holding, v *cache.Stored) *failure {
	if s := statusOf(v); s == cache.Disposed || s == cache.Unfinished {
		return &failure{"NOT_ALLOWED", fmt.Sprintf("a version with status %s cannot be copied", s)}
	}
	have := h.Version(v.Version)
	switch {
	case have == nil:
		h.Versions = append(h.Versions, *v)
	case sameBytes(have, v):
		return nil // a success, and left out of the answer
	case !b.c.in.flag("allowOverwrite"):
		return &failure{"ALREADY_EXISTS", fmt.Sprintf("Version %s already exists", v.Version)}
	default:
		*have = *v
	}
	b.succeeded[v.Version] = object{"revision": revisionOfVersion(v), "status": statusOf(v)}
	return nil
}

func sameBytes(a, b *cache.Stored) bool {
	return upstream.Revision(nil, a.Assets) == upstream.Revision(nil, b.Assets) && statusOf(a) != cache.Disposed
}
