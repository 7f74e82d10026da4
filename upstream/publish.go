package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"entrepot/cache"
)

// Publication is a version on its way into a repository; the bytes of its assets are stored already.
type Publication struct {
	Package     cache.Package
	Version     cache.Stored
	PackageMeta []byte            // nil: unchanged. Without a version it is all that is published
	Tags        map[string]string // tags to set
	Merge       bool              // assets may join a version that is there (Maven, PyPI); else they are all given at once
	// Join makes one Meta of the version's and that of the assets that join it; nil: the version's stays. Without a
	// version it makes one of the package's and PackageMeta; nil: PackageMeta stands.
	Join func(old, added []byte) ([]byte, error)
	// Once: assets join the version only while it is Unfinished (generic).
	Once bool
}

// Publish stores a version in the repository, durably: it survives kill -9 and power loss from when Publish returns
// (invariant 12). Publishing the same bytes again changes nothing and is no error. cache.ErrConflict if the version is
// there with other bytes, or in a repository upstream; *cache.Refused if origin controls block it.
func (r *Repository) Publish(ctx context.Context, pub Publication) error {
	if err := r.Domain.admits(pub.Package, ByPublish, r); err != nil {
		return err
	}
	if err := r.reachable(ctx, pub); err != nil {
		return err
	}
	err := r.Domain.Index.Edit(ctx, r.ID, pub.Package, true, func(h *cache.Holding) error { return r.shelve(h, pub) })
	if err == nil {
		r.Domain.Changes.Bump(pub.Package)
	}
	return err
}

// reachable refuses a version that a repository upstream holds, unless the package takes nothing from there.
func (r *Repository) reachable(ctx context.Context, pub Publication) error {
	s, err := r.Sources(ctx, pub.Package)
	if err != nil {
		return err
	}
	behind := slices.DeleteFunc(slices.Clone(s.walk), func(at *Repository) bool { return at == r })
	found, err := r.Domain.Index.Find(ctx, ids(behind), cache.AssetKey{Package: pub.Package, Version: pub.Version.Version})
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Stored.Origin.Internal() {
			return fmt.Errorf("version %s of %s is in an upstream repository: %w", pub.Version.Version, pub.Package, cache.ErrConflict)
		}
	}
	return nil
}

// shelve adds a version to what the repository holds.
func (r *Repository) shelve(h *cache.Holding, pub Publication) error {
	if h.Controls.Publish == cache.Block {
		return &cache.Refused{
			Rule:   fmt.Sprintf("origin controls of %s in %s", pub.Package, r.Name),
			Reason: "publishing is blocked, since the package comes from upstream",
		}
	}
	if pub.Version.Version == "" {
		return pub.annotate(h)
	}
	v := pub.Version
	v.Origin = cache.Origin{Repository: r.Name}
	v.Published = time.Now().UTC()
	if old := h.Version(v.Version); old != nil {
		assets, changed, err := join(old, v, pub.Merge && (!pub.Once || old.Status == cache.Unfinished))
		if err != nil {
			return err
		}
		if pub.Once && old.Status == cache.Unfinished && v.Status != cache.Unfinished {
			old.Status = cache.Published // its last asset has come
		}
		if !changed {
			return nil
		}
		if pub.Join != nil {
			if old.Meta, err = pub.Join(old.Meta, v.Meta); err != nil {
				return err
			}
		}
		old.Assets, old.Revision = assets, Revision(old.Meta, assets)
	} else {
		v.Revision = Revision(v.Meta, v.Assets)
		h.Versions = append(h.Versions, v)
	}
	if h.Controls == (cache.Controls{}) {
		h.Controls = r.Domain.Initial(pub.Package, true)
	}
	if pub.PackageMeta != nil {
		h.Meta = pub.PackageMeta
	}
	if len(pub.Tags) > 0 && h.Tags == nil {
		h.Tags = map[string]string{}
	}
	maps.Copy(h.Tags, pub.Tags)
	return nil
}

// annotate changes what the repository says of a package by itself. It may have no version yet, and becomes no private
// name by it.
func (p *Publication) annotate(h *cache.Holding) (err error) {
	if p.Join == nil {
		h.Meta = p.PackageMeta
		return nil
	}
	h.Meta, err = p.Join(h.Meta, p.PackageMeta)
	return err
}

// join compares a version that is there with one of the same name: assets of the same name must have the same bytes,
// and new ones are taken only where the format lets versions grow.
func join(old *cache.Stored, v cache.Stored, grow bool) (assets []cache.Asset, changed bool, err error) {
	assets = slices.Clone(old.Assets)
	for _, a := range v.Assets {
		i := slices.IndexFunc(assets, func(x cache.Asset) bool { return x.Name == a.Name })
		switch {
		case i >= 0 && assets[i].Digest == a.Digest && old.Origin.Internal():
		case i < 0 && grow && old.Origin.Internal():
			assets, changed = append(assets, a), true
		default:
			return nil, false, fmt.Errorf("version %s: %w", v.Version, cache.ErrConflict)
		}
	}
	return assets, changed, nil
}

// Revision names a version's state: base64 of a SHA-256 over its metadata and assets, like the service's samples.
func Revision(meta []byte, assets []cache.Asset) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n%s", len(meta), meta)
	sorted := slices.SortedFunc(slices.Values(assets), func(a, b cache.Asset) int {
		return bytes.Compare([]byte(a.Name), []byte(b.Name))
	})
	for _, a := range sorted {
		fmt.Fprintf(h, "\n%q %s", a.Name, a.Digest)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Edit changes what the repository itself holds of a package, durably. cache.ErrAbsent if it holds nothing of it.
func (r *Repository) Edit(ctx context.Context, p cache.Package, fn func(*cache.Holding) error) error {
	err := r.Domain.Index.Edit(ctx, r.ID, p, true, func(h *cache.Holding) error {
		if len(h.Versions) == 0 && h.Controls == (cache.Controls{}) && len(h.Tags) == 0 {
			return cache.ErrAbsent
		}
		return fn(h)
	})
	if err == nil {
		r.Domain.Changes.Bump(p)
	}
	return err
}
