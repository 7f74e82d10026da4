package index

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"entrepot/cache"
)

// save writes what changed from before to after.
func (tx transaction) save(before *held, after *cache.Holding) error {
	if empty(after) {
		if before.id == 0 {
			return nil
		}
		_, err := tx.exec(`DELETE FROM packages WHERE id = $1`, before.id) // and with it versions, assets and uses
		return err
	}
	pkg, changed := before.id, !samePackage(&before.Holding, after)
	if pkg == 0 {
		id, err := tx.insertPackage(after, 0)
		if err != nil {
			return err
		}
		pkg, changed = id, true
	}
	versionsChanged, err := tx.saveVersions(pkg, before, after)
	if err != nil || !changed && !versionsChanged {
		return err
	}
	return tx.savePackage(pkg, after)
}

func empty(h *cache.Holding) bool {
	return len(h.Versions) == 0 && len(h.Tags) == 0 && len(h.Meta) == 0 && h.Controls == cache.Controls{}
}

func samePackage(a, b *cache.Holding) bool {
	return a.Controls == b.Controls && maps.Equal(a.Tags, b.Tags) && bytes.Equal(a.Meta, b.Meta)
}

// savePackage writes the package's own row, with a new revision.
func (tx transaction) savePackage(id int64, h *cache.Holding) error {
	var revision int64
	if err := tx.one(`UPDATE revision SET last = last + 1 RETURNING last`, nil, &revision); err != nil {
		return err
	}
	tags, err := tagsValue(h.Tags)
	if err != nil {
		return err
	}
	_, err = tx.exec(`UPDATE packages SET revision = $1, publish = $2, upstream = $3, tags = $4, meta = $5 WHERE id = $6`,
		revision, h.Controls.Publish, h.Controls.Upstream, tags, bytesValue(h.Meta), id)
	return err
}

// saveVersions writes the versions that changed, and reports whether any did.
func (tx transaction) saveVersions(pkg int64, before *held, after *cache.Holding) (changed bool, err error) {
	old := make(map[string]int, len(before.Versions)) // name to place
	for i, v := range before.Versions {
		old[v.Version] = i
	}
	seen := make(map[string]bool, len(after.Versions))
	for i := range after.Versions {
		v := &after.Versions[i]
		if seen[v.Version] {
			return false, fmt.Errorf("version %q stands twice in the holding", v.Version)
		}
		seen[v.Version] = true
		was, id := &cache.Stored{}, int64(0)
		if j, ok := old[v.Version]; ok {
			was, id = &before.Versions[j], before.versions[j]
		}
		c, err := tx.saveVersion(pkg, id, was, v)
		if err != nil {
			return false, fmt.Errorf("version %s: %w", v.Version, err)
		}
		changed = changed || c
	}
	for i, v := range before.Versions {
		if seen[v.Version] {
			continue
		}
		if _, err := tx.exec(`DELETE FROM versions WHERE id = $1`, before.versions[i]); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

const updateVersion = `UPDATE versions
	SET status = $1, connection = $2, publisher = $3, published = $4, revision = $5, meta = $6 WHERE id = $7`

// saveVersion writes one version if it is new (id is 0) or differs from what it was.
func (tx transaction) saveVersion(pkg, id int64, was, v *cache.Stored) (changed bool, err error) {
	switch {
	case id == 0:
		id, err = tx.insertVersion(pkg, v)
		changed = true
	case !sameVersion(was, v):
		_, err = tx.exec(updateVersion, append(versionValues(v), id)...)
		changed = true
	}
	if err != nil {
		return false, err
	}
	assetsChanged, err := tx.saveAssets(id, was.Assets, v.Assets)
	return changed || assetsChanged, err
}

func sameVersion(a, b *cache.Stored) bool {
	return statusOf(a) == statusOf(b) && a.Origin == b.Origin && timeValue(a.Published) == timeValue(b.Published) &&
		a.Revision == b.Revision && bytes.Equal(a.Meta, b.Meta)
}

// saveAssets writes the assets of a version that changed, and reports whether any did.
func (tx transaction) saveAssets(version int64, before, after []cache.Asset) (changed bool, err error) {
	old := make(map[string]*cache.Asset, len(before))
	for i := range before {
		old[before[i].Name] = &before[i]
	}
	seen := make(map[string]bool, len(after))
	for i := range after {
		a := &after[i]
		if seen[a.Name] {
			return false, fmt.Errorf("asset %q stands twice", a.Name)
		}
		seen[a.Name] = true
		if was := old[a.Name]; was != nil && sameAsset(was, a) {
			continue
		}
		if err := tx.putAsset(version, a); err != nil {
			return false, err
		}
		changed = true
	}
	for name := range old {
		if seen[name] {
			continue
		}
		if _, err := tx.exec(`DELETE FROM assets WHERE version = $1 AND name = $2`, version, name); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

func sameAsset(a, b *cache.Asset) bool {
	return a.Digest == b.Digest && a.Size == b.Size && a.Evicted == b.Evicted &&
		slices.EqualFunc(a.Sums, b.Sums, func(x, y cache.Sum) bool {
			return x.Algorithm == y.Algorithm && bytes.Equal(x.Value, y.Value)
		})
}
