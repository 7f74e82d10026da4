package codeartifact

import (
	"context"
	"errors"
	"strings"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/proxy/policy"
)

// namespaces says which formats must have a namespace, and which cannot; others may.
var namespaces = map[string]bool{
	"maven": true, "swift": true, "generic": true, "pypi": false, "nuget": false, "ruby": false, "cargo": false, "go": false,
}

// packageOf makes a package of a request's parameters, in the format's normal form.
func (c *call) packageOf(format, namespace, name string) (cache.Package, error) {
	if format == "npm" {
		namespace = strings.TrimPrefix(namespace, "@") // as npm itself writes a scope
	}
	must, known := namespaces[format]
	switch {
	case known && must && namespace == "":
		return cache.Package{}, invalid(fieldInvalid, "packages of format %s have a namespace", format)
	case known && !must && namespace != "":
		return cache.Package{}, invalid(fieldInvalid, "packages of format %s have no namespace", format)
	}
	return policy.Normalize(cache.Package{Format: format, Namespace: namespace, Name: name}), nil
}

func controls(c cache.Controls) object {
	or := func(v cache.Control) cache.Control {
		if v == "" {
			return cache.Allow
		}
		return v
	}
	return object{"restrictions": object{"publish": or(c.Publish), "upstream": or(c.Upstream)}}
}

func packageSummary(e index.Entry) object {
	return object{
		"format": e.Package.Format, "namespace": e.Package.Namespace, "package": e.Package.Name,
		"originConfiguration": controls(e.Shelf.Controls),
	}
}

func listPackages(ctx context.Context, c *call) (any, error) {
	q := index.PackageQuery{
		Repository: c.repo.ID, Format: c.in.text("format"), Beneath: c.in.text("namespace"), Prefix: c.in.text("packagePrefix"),
		Controls: cache.Controls{Publish: cache.Control(c.in.text("publish")), Upstream: cache.Control(c.in.text("upstream"))},
		Limit:    c.pageSize() + 1,
	}
	if q.Beneath != "" && q.Format == "" {
		return nil, invalid(fieldInvalid, "a namespace goes with a format")
	}
	place, err := c.after(3)
	if err != nil {
		return nil, err
	}
	if place != nil {
		q.After = cache.Package{Format: place[0], Namespace: place[1], Name: place[2]}
	}
	entries, err := c.o.Index.Packages(ctx, q)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(entries) == q.Limit {
		entries = entries[:q.Limit-1]
		last := entries[len(entries)-1].Package
		next = c.token(last.Format, last.Namespace, last.Name)
	}
	out := make([]object, len(entries))
	for i, e := range entries {
		out[i] = packageSummary(e)
	}
	return object{"packages": out, "nextToken": next}, nil
}

// shelf returns what the repository itself knows of the package.
func (c *call) shelf(ctx context.Context) (cache.Shelf, error) {
	list, err := c.domain.Index.Shelves(ctx, []cache.RepositoryID{c.repo.ID}, c.pkg)
	if err != nil {
		return cache.Shelf{}, err
	}
	if len(list) == 0 {
		return cache.Shelf{}, c.noPackage()
	}
	return list[0], nil
}

func (c *call) noPackage() error {
	return absent("package", c.pkg.String(), "Package not found: %s is not in repository %s", c.pkg, c.repo.Name)
}

func (c *call) noVersion(version string) error {
	return absent("package-version", c.pkg.String()+"/"+version, "Package version not found: %s %s is not in repository %s", c.pkg, version, c.repo.Name)
}

func describePackage(ctx context.Context, c *call) (any, error) {
	s, err := c.shelf(ctx)
	if err != nil {
		return nil, err
	}
	return object{"package": object{
		"format": c.pkg.Format, "namespace": c.pkg.Namespace, "name": c.pkg.Name, "originConfiguration": controls(s.Controls),
	}}, nil
}

func putPackageOriginConfiguration(ctx context.Context, c *call) (any, error) {
	r := c.in.pairs("restrictions")
	want := cache.Controls{Publish: cache.Control(r["publish"]), Upstream: cache.Control(r["upstream"])}
	err := c.editPackage(ctx, func(h *cache.Holding) error { h.Controls = want; return nil })
	return object{"originConfiguration": controls(want)}, err
}

// editPackage changes what the repository holds of the package, durably.
func (c *call) editPackage(ctx context.Context, fn func(*cache.Holding) error) error {
	err := c.domain.Index.Edit(ctx, c.repo.ID, c.pkg, true, fn)
	if err == nil {
		c.domain.Changes.Bump(c.pkg)
	}
	return err
}

func deletePackage(ctx context.Context, c *call) (any, error) {
	s, err := c.shelf(ctx)
	if err != nil {
		return nil, err
	}
	var gone []cache.Asset
	err = c.editPackage(ctx, func(h *cache.Holding) error {
		gone = gone[:0]
		for _, v := range h.Versions {
			gone = append(gone, v.Assets...)
		}
		h.Versions, h.Tags, h.Meta, h.Controls = nil, nil, nil, cache.Controls{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return object{"deletedPackage": packageSummary(index.Entry{Package: c.pkg, Shelf: s})}, c.free(ctx, gone)
}

// free removes bytes that nothing refers to any more. Bytes in use now go when the store is collected.
func (c *call) free(ctx context.Context, assets []cache.Asset) error {
	ctx = context.WithoutCancel(ctx)
	for _, a := range assets {
		_, err := c.o.Index.Collect(ctx, a.Digest, func() error { return c.domain.Blobs.Remove(ctx, a.Digest) })
		if err != nil && !errors.Is(err, blob.ErrPinned) {
			return err
		}
	}
	return nil
}
