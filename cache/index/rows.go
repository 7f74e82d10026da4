package index

import (
	"errors"
	"fmt"

	"entrepot/cache"
)

// How versions and assets stand in their rows, for reading and for writing.

// versionColumns are what versionDest reads, of versions v.
const versionColumns = `v.version, v.status, v.connection, v.publisher, v.published, v.revision`

func versionDest(s *cache.Stored) []any {
	return []any{&s.Version, &s.Status, &s.Origin.Connection, &s.Origin.Repository, timeColumn{&s.Published}, &s.Revision}
}

// assetColumns are what assetDest reads, of assets a.
const assetColumns = `a.name, a.digest, a.size, a.evicted, a.sums`

func assetDest(a *cache.Asset) []any {
	return []any{&a.Name, digestColumn{&a.Digest}, &a.Size, &a.Evicted, sumsColumn{&a.Sums}}
}

const insertPackage = `INSERT INTO packages (repository, format, namespace, name, revision, publish, upstream, tags, meta)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`

// insertPackage makes the row of a package and returns its id.
func (tx transaction) insertPackage(h *cache.Holding, revision int64) (id int64, err error) {
	tags, err := tagsValue(h.Tags)
	if err != nil {
		return 0, err
	}
	p := h.Package
	err = tx.one(insertPackage, []any{h.Repository, p.Format, p.Namespace, p.Name, revision,
		h.Controls.Publish, h.Controls.Upstream, tags, bytesValue(h.Meta)}, &id)
	return id, err
}

const insertVersion = `INSERT INTO versions (package, version, status, connection, publisher, published, revision, meta)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`

// insertVersion makes the row of a version, without its assets, and returns its id.
func (tx transaction) insertVersion(pkg int64, s *cache.Stored) (id int64, err error) {
	if s.Version == "" {
		return 0, errors.New("a version without a name")
	}
	err = tx.one(insertVersion, append([]any{pkg, s.Version}, versionValues(s)...), &id)
	return id, err
}

// versionValues are the columns of a version that may change.
func versionValues(s *cache.Stored) []any {
	return []any{statusOf(s), s.Origin.Connection, s.Origin.Repository, timeValue(s.Published), s.Revision, bytesValue(s.Meta)}
}

// statusOf gives an unset status its meaning.
func statusOf(s *cache.Stored) cache.Status {
	if s.Status == "" {
		return cache.Published
	}
	return s.Status
}

const putAsset = `INSERT INTO assets (version, name, digest, size, evicted, sums) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (version, name) DO UPDATE
	SET digest = excluded.digest, size = excluded.size, evicted = excluded.evicted, sums = excluded.sums`

// putAsset writes an asset of a version, in place of an older one.
func (tx transaction) putAsset(version int64, a *cache.Asset) error {
	if a.Name == "" || a.Digest.IsZero() {
		return fmt.Errorf("asset %q with digest %s", a.Name, a.Digest)
	}
	sums, err := sumsText(a.Sums)
	if err != nil {
		return err
	}
	_, err = tx.exec(putAsset, version, a.Name, a.Digest[:], a.Size, flagValue(a.Evicted), sums)
	return err
}
