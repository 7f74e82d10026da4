package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"entrepot/cache"
)

// VersionQuery chooses versions of a package in a repository.
type VersionQuery struct {
	Repository cache.RepositoryID
	Package    cache.Package
	Status     cache.Status // empty: every status
	Internal   *bool        // nil: of every origin
	ByTime     bool         // the newest first; else by name, in the order of bytes
	After      string       // begin behind this version; empty: at the start
	AfterTime  time.Time    // when that one was published, for ByTime
	Limit      int          // 1 to 1001; 0: 50
}

// VersionPage is a part of a package's versions.
type VersionPage struct {
	Tags     map[string]string
	Versions []cache.Stored // without meta and assets
}

const selectTags = `SELECT id, tags FROM packages WHERE repository = $1 AND format = $2 AND namespace = $3 AND name = $4`

// Versions lists versions. The error is cache.ErrAbsent if the repository does not know the package.
func (db *DB) Versions(ctx context.Context, q VersionQuery) (*VersionPage, error) {
	var pkg int64
	var out VersionPage
	p := q.Package
	err := db.read.one(ctx, selectTags, []any{q.Repository, p.Format, p.Namespace, p.Name}, &pkg, tagsColumn{&out.Tags})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%s: %w", p, cache.ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", p, err)
	}
	text, args := q.statement(pkg)
	rows, err := db.read.query(ctx, text, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var s cache.Stored
		err := rows.Scan(versionDest(&s)...)
		out.Versions = append(out.Versions, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", p, err)
	}
	return &out, nil
}

func (q *VersionQuery) statement(pkg int64) (string, []any) {
	var b strings.Builder
	args := []any{pkg}
	b.WriteString(`SELECT ` + versionColumns + ` FROM versions v WHERE v.package = $1`)
	where := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		b.WriteString(condition)
	}
	if q.Status != "" {
		where(` AND v.status = ?`, q.Status)
	}
	if q.Internal != nil && *q.Internal {
		where(` AND v.connection = ''`)
	} else if q.Internal != nil {
		where(` AND v.connection <> ''`)
	}
	order := ` ORDER BY v.version`
	if q.ByTime {
		order = ` ORDER BY COALESCE(v.published, 0) DESC, v.version DESC`
		if q.After != "" {
			at, _ := timeValue(q.AfterTime).(int64)
			where(` AND (COALESCE(v.published, 0), v.version) < (?, ?)`, at, q.After)
		}
	} else if q.After != "" {
		where(` AND v.version > ?`, q.After)
	}
	limit := q.Limit
	if limit <= 0 || limit > 1001 {
		limit = 50
	}
	where(order+` LIMIT ?`, limit)
	return b.String(), args
}

const selectVersion = `SELECT v.id, ` + versionColumns + `, v.meta FROM packages p JOIN versions v ON v.package = p.id
	WHERE p.repository = $1 AND p.format = $2 AND p.namespace = $3 AND p.name = $4 AND v.version = $5`

// Version returns a version that a repository holds, whole. The error is cache.ErrAbsent if it does not hold it.
func (db *DB) Version(ctx context.Context, repo cache.RepositoryID, p cache.Package, version string) (*cache.Stored, error) {
	var s cache.Stored
	var id int64
	dest := append(append([]any{&id}, versionDest(&s)...), &s.Meta)
	err := db.read.one(ctx, selectVersion, []any{repo, p.Format, p.Namespace, p.Name, version}, dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%s %s: %w", p, version, cache.ErrAbsent)
	}
	if err != nil {
		return nil, fmt.Errorf("version %s of %s: %w", version, p, err)
	}
	rows, err := db.read.query(ctx, `SELECT `+assetColumns+` FROM assets a WHERE a.version = $1 ORDER BY a.name`, id)
	err = each(rows, err, func(rows *sql.Rows) error {
		var a cache.Asset
		err := rows.Scan(assetDest(&a)...)
		s.Assets = append(s.Assets, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("assets of %s %s: %w", p, version, err)
	}
	return &s, nil
}

// Names lists the packages of a domain, each once however many repositories know it, by format, namespace and name,
// behind after.
func (db *DB) Names(ctx context.Context, domain string, after cache.Package, limit int) ([]cache.Package, error) {
	const text = `SELECT DISTINCT p.format, p.namespace, p.name FROM packages p
		WHERE (p.format, p.namespace, p.name) > ($1, $2, $3)
		AND EXISTS (SELECT 1 FROM repositories r WHERE r.id = p.repository AND r.domain = $4 AND r.name NOT LIKE ' %')
		ORDER BY p.format, p.namespace, p.name LIMIT $5`
	var out []cache.Package
	rows, err := db.read.query(ctx, text, after.Format, after.Namespace, after.Name, domain, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var p cache.Package
		err := rows.Scan(&p.Format, &p.Namespace, &p.Name)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packages of %s: %w", domain, err)
	}
	return out, nil
}
