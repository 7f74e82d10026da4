package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"entrepot/cache"
)

// PackageQuery chooses packages of a repository.
type PackageQuery struct {
	Repository cache.RepositoryID
	Format     string         // empty: every format
	Namespace  *string        // nil: every namespace
	Beneath    string         // what the namespace begins with, where Namespace is nil
	Prefix     string         // what the name begins with
	Controls   cache.Controls // only those with these origin controls; empty: any
	After      cache.Package  // begin behind this one; zero: at the start
	Limit      int            // 1 to 1000; 0: 100
}

// Entry is one package of a repository.
type Entry struct {
	Package cache.Package
	Shelf   cache.Shelf
}

// Packages lists the packages of a repository by format, namespace and name, in the order of their bytes.
func (db *DB) Packages(ctx context.Context, q PackageQuery) ([]Entry, error) {
	text, args, err := q.statement()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	rows, err := db.read.query(ctx, text, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var e Entry
		err := rows.Scan(append([]any{&e.Package.Format, &e.Package.Namespace, &e.Package.Name}, shelfDest(&e.Shelf)...)...)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packages of a repository: %w", err)
	}
	return entries, nil
}

// statement has a text for each combination of conditions, so that each uses as much of the index as it can.
func (q *PackageQuery) statement() (string, []any, error) {
	limit := q.Limit
	if limit == 0 {
		limit = 100
	}
	if limit < 0 || limit > 1001 { // one more than a page, to see whether there is another
		return "", nil, errors.New("a page of packages has 1 to 1000")
	}
	var b strings.Builder
	var args []any
	where := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		b.WriteString(condition)
	}
	b.WriteString(`SELECT p.format, p.namespace, p.name, ` + shelfColumns + ` FROM packages p`)
	where(` WHERE p.repository = ?`, q.Repository)
	if q.Format != "" {
		where(` AND p.format = ?`, q.Format)
	}
	if q.Namespace != nil {
		where(` AND p.namespace = ?`, *q.Namespace)
	}
	if q.Beneath != "" && q.Namespace == nil {
		where(` AND p.namespace >= ? AND p.namespace < ?`, q.Beneath, q.Beneath+"\U0010FFFF")
	}
	if q.Controls.Publish != "" {
		where(` AND p.publish = ?`, q.Controls.Publish)
	}
	if q.Controls.Upstream != "" {
		where(` AND p.upstream = ?`, q.Controls.Upstream)
	}
	if q.Prefix != "" {
		where(` AND p.name >= ? AND p.name < ?`, q.Prefix, q.Prefix+"\U0010FFFF") // behind every name with that prefix
	}
	if a := q.After; a != (cache.Package{}) {
		where(` AND (p.format, p.namespace, p.name) > (?, ?, ?)`, a.Format, a.Namespace, a.Name)
	}
	where(` ORDER BY p.format, p.namespace, p.name LIMIT ?`, limit)
	return b.String(), args, nil
}
