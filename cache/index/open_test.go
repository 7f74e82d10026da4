package index

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

func TestOpenAgainFindsWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "an index? 100% #1.db")
	for round := range 3 {
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		id := repositories(t, db, 1)[0]
		if id != 1 {
			t.Errorf("round %d: repository %d", round, id)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(path) {
		t.Errorf("left %v, %v", left, err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	db, err := Open(t.Context(), newer)
	if err != nil {
		t.Fatal(err)
	}
	err = db.put(t.Context(), true, `INSERT INTO migrations (number, name, applied) VALUES (1000, 'later', 0)`)
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		garbage:                         "file is not a database",
		newer:                           "newer than this program",
		filepath.Join(dir, "no", "dir"): "no such file or directory",
	} {
		if db, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", path, db, err)
		}
	}
}

func TestMigrate(t *testing.T) {
	script := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	one, two := script(`CREATE TABLE a (x); INSERT INTO a VALUES (1)`), script(`INSERT INTO a VALUES (2)`)
	broken := script(`INSERT INTO a VALUES (3); INSERT INTO b VALUES (3)`)
	for _, tt := range []struct {
		name  string
		steps []fs.FS
		want  string // in the error of the last step
		rows  int
	}{
		{"one by one", []fs.FS{
			fstest.MapFS{"migrations/0001_a.sql": one},
			fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0002_b.sql": two}}, "", 2},
		{"again", []fs.FS{
			fstest.MapFS{"migrations/0001_a.sql": one}, fstest.MapFS{"migrations/0001_a.sql": one}}, "", 1},
		{"broken", []fs.FS{
			fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0002_b.sql": broken}}, "0002_b.sql: SQL logic error", 1},
		{"a gap", []fs.FS{
			fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0003_b.sql": two}}, "0003_b.sql: want number 2", 1},
		{"an older program", []fs.FS{
			fstest.MapFS{"migrations/0001_a.sql": one, "migrations/0002_b.sql": two},
			fstest.MapFS{"migrations/0001_a.sql": one}}, "schema 2 is newer than this program, which knows 1", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pool, err := connect(filepath.Join(t.TempDir(), "x.db"), "_txlock=immediate")
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			conn, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, step := range tt.steps {
				err = migrate(t.Context(), conn, step)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			var n int
			if err := conn.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM a`).Scan(&n); err != nil || n != tt.rows {
				t.Errorf("%d rows, want %d, %v", n, tt.rows, err)
			}
		})
	}
}

// check asks SQLite whether the file is whole.
func check(t *testing.T, pool *sql.DB) {
	t.Helper()
	var result string
	if err := pool.QueryRow(`PRAGMA integrity_check`).Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity check: %s, %v", result, err)
	}
	rows, err := pool.Query(`PRAGMA foreign_key_check`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if rows.Next() {
		t.Error("a row refers to one that is not there")
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}
