package index

import (
	"context"
	"database/sql"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/auth"
)

// TestPlans asks SQLite how it carries out each statement that the package has, and accepts no walk over a table, nor
// sorting, except where everything is asked for.
func TestPlans(t *testing.T) {
	db := openTest(t)
	everyStatement(t, db)
	texts := slices.Collect(maps.Keys(db.read.byText))
	for text := range db.writer.stmts.byText {
		if strings.Contains(text, "WHERE") {
			texts = append(texts, text)
		}
	}
	if len(texts) < 30 {
		t.Errorf("only %d statements were run", len(texts))
	}
	whole := []string{"FROM addresses ORDER BY", "FROM tokens ORDER BY"} // a few rows, all of them asked for
	for _, text := range texts {
		if slices.ContainsFunc(whole, func(s string) bool { return strings.Contains(text, s) }) {
			continue
		}
		for _, step := range plan(t, db.pool, text) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN CONSTANT ROW" || strings.Contains(step, "TEMP B-TREE FOR ORDER") {
				t.Errorf("%s\n\tplan: %s", text, step)
			}
		}
	}
}

// TestPlanOfShelves: whether one of many versions is ours is one look-up, not a walk over the versions.
func TestPlanOfShelves(t *testing.T) {
	db := openTest(t)
	steps := plan(t, db.pool, selectShelves[0])
	if want := "SEARCH v USING COVERING INDEX versions_internal (package=?)"; !slices.Contains(steps, want) {
		t.Errorf("plan %q lacks %q", steps, want)
	}
}

var parameter = regexp.MustCompile(`\$\d+`)

func plan(t *testing.T, pool *sql.DB, text string) (steps []string) {
	t.Helper()
	args := make([]any, len(parameter.FindAllString(text, -1)))
	rows, err := pool.Query("EXPLAIN QUERY PLAN "+text, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var id, parent, unused int
		var step string
		err := rows.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return steps
}

// everyStatement runs each method such that each of its statements is prepared.
func everyStatement(t *testing.T, db *DB) {
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := repositories(t, db, 5)
	retain(t, db, r, left, external("1.0.0", "bytes"))
	edit(t, db, r[0], left, func(h *cache.Holding) { h.Versions[0].Assets[0].Evicted = true })
	retain(t, db, r, left, external("1.0.0", "bytes"))
	edit(t, db, r[0], left, func(h *cache.Holding) { h.Versions[0].Status = cache.Unlisted; h.Versions[0].Assets = nil })
	edit(t, db, r[0], left, func(h *cache.Holding) { h.Versions = nil })
	edit(t, db, r[0], left, func(h *cache.Holding) { *h = cache.Holding{} })
	for n := range r {
		find(t, db, r[:n+1], left, "1.0.0")
		shelves(t, db, r[:n+1], left)
		holdings(t, db, r[:n+1], left)
	}
	check(db.Touch(ctx, []cache.Use{{Repository: r[1], Package: left, Version: "1.0.0", At: day}}))
	_, err := db.Uses(ctx, r[1], left)
	check(err)
	_, _, err = db.Pinned(ctx, "public:npmjs", cache.AssetKey{})
	check(err)
	empty, acme := "", "acme"
	for _, q := range []PackageQuery{{}, {Format: "npm"}, {Format: "npm", Namespace: &acme}, {Format: "npm", Namespace: &empty, Prefix: "l"},
		{After: left}, {Format: "npm", After: left}, {Format: "npm", Namespace: &acme, After: ui}, {Prefix: "l"}} {
		_, err := db.Packages(ctx, q)
		check(err)
	}
	check(db.PutDocument(ctx, cache.DocumentRecord{}))
	_, err = db.Document(ctx, cache.DocumentKey{})
	check(err)
	_, err = db.ExpireAbsences(ctx, day, 10)
	check(err)
	check(db.PutRendering(ctx, cache.Rendering{Digest: blob.Sum(nil), Created: time.Now()}))
	_, err = db.Rendering(ctx, [32]byte{})
	check(err)
	_, err = db.ExpireRenderings(ctx, day, 10)
	check(err)
	check(db.PutToken(ctx, auth.Token{ID: "1", Principal: "ann"}))
	_, err = db.TokenByHash(ctx, [32]byte{})
	check(err)
	_, err = db.TokensOf(ctx, "ann")
	check(err)
	check(db.DeleteToken(ctx, "1"))
	_, err = db.Referenced(context.Background(), []blob.Digest{{}})
	check(err)
	_, err = db.Collect(ctx, blob.Digest{}, func() error { return nil })
	check(err)
}
