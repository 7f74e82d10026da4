package golang

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Limits and freshness of what a checksum database says.
const (
	maxRecord = 256 << 10 // bytes of a lookup, a signed tree, or a tile of 256 hashes: 8 KiB at most in practice
	maxTile   = 8 << 20   // bytes of a tile of 256 records
	// freshTree is how long the newest signed tree is fresh: the go command asks for it when it wants to be sure.
	freshTree = time.Minute
	// maxTiles bounds the proven tiles that are held in memory, 8 KiB each at most. A lookup reads about eight: four of
	// them are the same for all until the log grows, the others lie close together for modules of one time.
	maxTiles = 128
	// freshSupport is how long a registry's word on whether it passes on a database is kept.
	freshSupport = time.Hour
)

// database is the checksum database of a connection.
type database struct {
	connection string
	name       string
	key        string // verifier key; empty: not known
	url        string // where it is asked, without a slash at the end; empty: see base

	mu     sync.Mutex
	latest []byte            // newest signed tree that was verified: all later ones must contain it
	tiles  map[string][]byte // proven tiles by name
}

// parseDatabase reads a setting in the form of GOSUMDB. "off" is nil.
func parseDatabase(connection, setting string) (*database, error) {
	fields := strings.Fields(setting)
	if len(fields) == 1 && fields[0] == "off" {
		return nil, nil
	}
	if len(fields) == 0 || len(fields) > 2 {
		return nil, fmt.Errorf("checksum database of %s: %q is not NAME+HASH+KEY, with a URL behind it or not", connection, setting)
	}
	db := &database{connection: connection, name: fields[0]}
	if strings.Contains(fields[0], "+") {
		v, err := note.NewVerifier(fields[0])
		if err != nil {
			return nil, fmt.Errorf("checksum database of %s: %w", connection, err)
		}
		db.name, db.key = v.Name(), fields[0]
	}
	// The name becomes an address (package note: a host, or a host and a path).
	if u, err := url.Parse("https://" + db.name); err != nil || u.Host == "" || u.String() != "https://"+db.name || u.RawQuery != "" ||
		u.Fragment != "" || u.User != nil || strings.HasSuffix(db.name, "/") {
		return nil, fmt.Errorf("checksum database of %s: name %q is not host or host/path", connection, db.name)
	}
	if len(fields) == 2 {
		u, err := url.Parse(fields[1])
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("checksum database of %s: %q is no address", connection, fields[1])
		}
		db.url = strings.TrimSuffix(fields[1], "/")
	}
	return db, nil
}

// base is where the database is asked, without a slash at the end.
func (d *database) base(ctx context.Context, get format.Getter) (string, error) {
	if d.url != "" {
		return d.url, nil
	}
	through, err := supports(ctx, get, d.name)
	if through {
		return "sumdb/" + d.name, err
	}
	return "https://" + d.name, err
}

// supports asks a registry whether it passes on a checksum database.
func supports(ctx context.Context, get format.Getter, name string) (bool, error) {
	doc, err := get.Get(ctx, format.Query{Path: "sumdb/" + name + "/supported", Max: maxRecord, Fresh: freshSupport})
	if errors.Is(err, cache.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, doc.Close()
}

// lookup returns the lines of go.sum for a version (or VERSION/go.mod), proven to be in the database's log. A module
// that the database does not have gives none.
func (d *database) lookup(ctx context.Context, get format.Getter, path, version string) ([]string, error) {
	base, err := d.base(ctx, get)
	if err != nil {
		return nil, err
	}
	// A client remembers its failures for good, so each lookup has its own. What was proven before, it learns from
	// ReadConfig; what was fetched before, from the Getter.
	o := &clientOps{ctx: ctx, get: get, db: d, base: base}
	lines, err := sumdb.NewClient(o).Lookup(path, version)
	if err == nil {
		return lines, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case o.absent:
		return nil, nil
	case o.failed != nil:
		return nil, fmt.Errorf("checksum database %s: %w", d.name, o.failed)
	}
	return nil, &cache.Unavailable{Connection: d.connection, Err: fmt.Errorf("checksum database %s: %w", d.name, err)}
}

// clientOps is what one lookup of sumdb.Client needs of the world. The client drops the causes of errors, so they are
// kept here.
type clientOps struct {
	ctx  context.Context // of the lookup that it is made for; ClientOps has no room for one
	get  format.Getter
	db   *database
	base string

	mu     sync.Mutex
	absent bool  // the database has no such record
	failed error // it could not be asked
}

var _ sumdb.ClientOps = (*clientOps)(nil)

func (o *clientOps) ReadRemote(path string) ([]byte, error) {
	doc, err := o.get.Get(o.ctx, sumQuery(o.base, path))
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		switch lookup := strings.HasPrefix(path, "/lookup/"); {
		case !errors.Is(err, cache.ErrAbsent):
			o.failed = err
		case lookup:
			o.absent = true
		}
		return nil, err
	}
	defer doc.Close()
	return io.ReadAll(doc.Reader())
}

// sumQuery is the query for a path of a database; path begins with a slash. Records and tiles never change: a record
// comes with a signed tree of its day, which any later one contains.
func sumQuery(base, path string) format.Query {
	q := format.Query{Path: base + path, Max: maxRecord, Immutable: true}
	switch {
	case path == "/latest":
		q.Immutable, q.Fresh = false, freshTree
	case strings.HasPrefix(path, "/tile/"):
		q.Max = maxTile
	}
	return q
}

func (o *clientOps) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.db.key), nil
	}
	o.db.mu.Lock()
	defer o.db.mu.Unlock()
	return o.db.latest, nil
}

func (o *clientOps) WriteConfig(_ string, old, now []byte) error {
	o.db.mu.Lock()
	defer o.db.mu.Unlock()
	if !bytes.Equal(o.db.latest, old) {
		return sumdb.ErrWriteConflict
	}
	o.db.latest = now
	return nil
}

// ReadCache is asked for tiles that were proven, and for records, which the Getter keeps.
func (o *clientOps) ReadCache(file string) ([]byte, error) {
	o.db.mu.Lock()
	defer o.db.mu.Unlock()
	if b, ok := o.db.tiles[file]; ok {
		return b, nil
	}
	return nil, cache.ErrAbsent
}

func (o *clientOps) WriteCache(file string, b []byte) {
	if !strings.HasPrefix(file, o.db.name+"/tile/") {
		return
	}
	o.db.mu.Lock()
	defer o.db.mu.Unlock()
	if o.db.tiles == nil || len(o.db.tiles) >= maxTiles {
		o.db.tiles = make(map[string][]byte)
	}
	o.db.tiles[file] = b
}

func (o *clientOps) Log(string) {}

// SecurityError is told a proof that the database signed two histories; Lookup then returns an error as well.
func (o *clientOps) SecurityError(msg string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = &cache.Unavailable{Connection: o.db.connection, Err: errors.New(msg)}
}
