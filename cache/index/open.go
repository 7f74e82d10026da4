package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

const (
	// oldestSQLite is the first release without the bug by which resetting the write-ahead log could corrupt a database.
	oldestSQLite = "3.51.3"

	// maxReaders bounds the connections that read. A look-up takes some 20 µs of CPU, so more would only wait for
	// processors; each keeps up to readerCache of pages.
	maxReaders  = 8
	readerCache = 512  // KiB; what lies beyond comes from the operating system's cache at about 1 µs a page
	writerCache = 2048 // KiB; a batch's dirty pages

	// logSize is what is left of the write-ahead log after a burst, in bytes.
	logSize = 16 << 20
)

// DB is the index of one data directory. It is safe for concurrent use.
type DB struct {
	pool   *sql.DB // of the readers
	read   statements
	writer *writer

	closing sync.Once
	closed  error // what closing returned
}

// Open opens the index at path, creates it if it is not there, and brings its schema up to date. It reads no rows, so
// that it takes as long with a million versions as with none.
func Open(ctx context.Context, path string) (*DB, error) {
	db, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string) (*DB, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	// synchronous is what a batch without a durable write gets; the writer changes it as needed.
	wpool, err := connect(path, "_txlock=immediate", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(NORMAL)",
		fmt.Sprintf("cache_size(-%d)", writerCache), fmt.Sprintf("journal_size_limit(%d)", logSize))
	if err != nil {
		return nil, err
	}
	w, err := startWriter(ctx, wpool)
	if err != nil {
		return nil, errors.Join(err, wpool.Close())
	}
	pool, err := connect(path, "", "query_only(1)", fmt.Sprintf("cache_size(-%d)", readerCache))
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	pool.SetMaxOpenConns(maxReaders)
	pool.SetMaxIdleConns(maxReaders)
	pool.SetConnMaxIdleTime(time.Minute) // idle, the process keeps none of their 1.3 MB each
	return &DB{pool: pool, read: statements{on: pool}, writer: w}, nil
}

// create makes the file if it is not there, readable by its owner alone: it holds the digests of tokens. SQLite gives
// its companions the same mode. A file that exists is not opened here: closing it would drop SQLite's locks on it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// connect returns a pool of connections to the file; it opens none yet.
func connect(path, option string, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	var dsn strings.Builder
	dsn.WriteString((&url.URL{Scheme: "file", Path: path}).String() + "?" + option)
	for _, p := range append([]string{"busy_timeout(5000)", "temp_store(memory)", "trusted_schema(0)"}, pragmas...) {
		dsn.WriteString("&_pragma=" + url.QueryEscape(p))
	}
	connector, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Close commits what is queued and closes the file. Writes that come later fail with ErrClosed.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.writer.stop()
		// The writer's connection goes last: the last one moves the log into the file and removes it, and one that may
		// only read does not.
		db.closed = errors.Join(db.read.close(), db.pool.Close(), db.writer.close())
	})
	return db.closed
}

// Stats is what the index has done since it was opened.
type Stats struct {
	Writes  int64 // that had their turn, whether they succeeded or not
	Commits int64 // that they took
	Queued  int   // writes that wait now
}

// Stats returns counters for an operator.
func (db *DB) Stats() Stats {
	w := db.writer
	return Stats{Writes: w.writes.Load(), Commits: w.commits.Load(), Queued: len(w.queue)}
}
