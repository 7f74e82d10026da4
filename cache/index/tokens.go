package index

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"entrepot/proxy/auth"
)

var _ auth.Tokens = (*DB)(nil)

const putToken = `INSERT INTO tokens (id, hash, prefix, principal, domain, note, read_only, cidr, created, expires, used)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, prefix = excluded.prefix, principal = excluded.principal,
	domain = excluded.domain, note = excluded.note, read_only = excluded.read_only, cidr = excluded.cidr,
	created = excluded.created, expires = excluded.expires, used = excluded.used`

// PutToken stores a token, in place of one with the same ID, durably.
func (db *DB) PutToken(ctx context.Context, t auth.Token) error {
	err := db.put(ctx, true, putToken, t.ID, t.Hash[:], t.Prefix, t.Principal, t.Domain, t.Note, flagValue(t.ReadOnly),
		strings.Join(t.CIDR, " "), timeValue(t.Created), timeValue(t.Expires), timeValue(t.Used))
	if err != nil {
		return fmt.Errorf("put token %s: %w", t.ID, err)
	}
	return nil
}

const tokenColumns = `SELECT id, hash, prefix, principal, domain, note, read_only, cidr, created, expires, used FROM tokens`

// scanToken reads tokenColumns.
func scanToken(rows *sql.Rows) (t auth.Token, err error) {
	var hash []byte
	var cidr string
	err = rows.Scan(&t.ID, &hash, &t.Prefix, &t.Principal, &t.Domain, &t.Note, &t.ReadOnly, &cidr,
		timeColumn{&t.Created}, timeColumn{&t.Expires}, timeColumn{&t.Used})
	copy(t.Hash[:], hash)
	if cidr != "" {
		t.CIDR = strings.Fields(cidr)
	}
	return t, err
}

// TokenByHash returns the token with that hash, or an error that is fs.ErrNotExist.
func (db *DB) TokenByHash(ctx context.Context, hash [sha256.Size]byte) (auth.Token, error) {
	all, err := db.tokens(ctx, tokenColumns+` WHERE hash = $1`, hash[:])
	if err == nil && len(all) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return auth.Token{}, fmt.Errorf("token: %w", err)
	}
	return all[0], nil
}

// TokenByID returns the token with that ID, or an error that is fs.ErrNotExist.
func (db *DB) TokenByID(ctx context.Context, id string) (auth.Token, error) {
	all, err := db.tokens(ctx, tokenColumns+` WHERE id = $1`, id)
	if err == nil && len(all) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return auth.Token{}, fmt.Errorf("token: %w", err)
	}
	return all[0], nil
}

// TokensOf lists a principal's tokens, the oldest first; with an empty name, everybody's.
func (db *DB) TokensOf(ctx context.Context, principal string) (all []auth.Token, err error) {
	if principal == "" {
		all, err = db.tokens(ctx, tokenColumns+` ORDER BY created, id`)
	} else {
		all, err = db.tokens(ctx, tokenColumns+` WHERE principal = $1 ORDER BY created, id`, principal)
	}
	if err != nil {
		return nil, fmt.Errorf("tokens of %q: %w", principal, err)
	}
	return all, nil
}

func (db *DB) tokens(ctx context.Context, text string, args ...any) (all []auth.Token, err error) {
	rows, err := db.read.query(ctx, text, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		t, err := scanToken(rows)
		all = append(all, t)
		return err
	})
	return all, err
}

const expireTokens = `DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires < $1 LIMIT $2)`

// ExpireTokens forgets tokens that ended before t: at most limit of them, so that the writer is not kept long. It
// returns how many.
func (db *DB) ExpireTokens(ctx context.Context, t time.Time, limit int) (int, error) {
	var n int64
	err := db.writer.write(ctx, &write{do: func(tx transaction) (err error) {
		n, err = tx.exec(expireTokens, t.UnixMicro(), limit)
		return err
	}})
	if err != nil {
		return 0, fmt.Errorf("expire tokens: %w", err)
	}
	return int(n), nil
}

// DeleteToken removes a token, durably: it must not come back. It returns fs.ErrNotExist if there is none with that ID.
func (db *DB) DeleteToken(ctx context.Context, id string) error {
	err := db.writer.write(ctx, &write{durable: true, do: func(tx transaction) error {
		n, err := tx.exec(`DELETE FROM tokens WHERE id = $1`, id)
		if err == nil && n == 0 {
			return fs.ErrNotExist
		}
		return err
	}})
	if err != nil {
		return fmt.Errorf("delete token %s: %w", id, err)
	}
	return nil
}
