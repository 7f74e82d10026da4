package index

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// hold keeps the writer busy until release is called, and then waits for it to be idle.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	started, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- db.run(context.Background(), false, func(transaction) error {
			close(started)
			<-end
			return nil
		})
	}()
	<-started
	return func() {
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// waitQueued returns when n writes wait.
func waitQueued(db *DB, n int) {
	for len(db.writer.queue) < n {
		runtime.Gosched()
	}
}

// putRow and rows use a table that has nothing to do with the rest.
func putRow(name string) func(transaction) error {
	return func(tx transaction) error {
		_, err := tx.exec(putAddress, name, "http://registry.example/", "test", 1)
		return err
	}
}

func rows(t *testing.T, db *DB) (names []string) {
	t.Helper()
	all, err := db.Addresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		names = append(names, a.Connection)
	}
	return names
}

// TestWritesOfOneBatchFailAlone: a write that fails, and one that panics, share a transaction with others.
func TestWritesOfOneBatchFailAlone(t *testing.T) {
	db := openTest(t)
	release := hold(t, db)
	before := db.Stats()
	no := errors.New("no")
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (i%3 == 2) {
					t.Errorf("write %d: panic %v", i, p)
				}
			}()
			err := db.run(t.Context(), i%2 == 0, func(tx transaction) error {
				if err := putRow(fmt.Sprintf("c%02d", i))(tx); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return no
				case 2:
					panic("in a write")
				}
				return nil
			})
			if (err != nil) != (i%3 == 1) {
				t.Errorf("write %d: error %v", i, err)
			}
		})
	}
	waitQueued(db, 30)
	release()
	all.Wait()
	if got := rows(t, db); len(got) != 10 {
		t.Errorf("rows %v", got)
	}
	// hold's write and the 30 behind it
	if s := db.Stats(); s.Commits-before.Commits != 2 || s.Writes-before.Writes != 31 || s.Queued != 0 {
		t.Errorf("stats %+v, before %+v", s, before)
	}
}

// TestWritesOfOneBatchFailTogether: where the transaction itself is lost, as on a full disk, no caller is told that its
// write was kept, and the next ones are.
func TestWritesOfOneBatchFailTogether(t *testing.T) {
	db := openTest(t)
	release := hold(t, db)
	var all sync.WaitGroup
	failed := make(chan error, 21)
	for i := range 21 {
		all.Go(func() {
			failed <- db.run(t.Context(), true, func(tx transaction) error {
				if i == 10 {
					_, err := tx.exec(`ROLLBACK`)
					return err
				}
				return putRow(fmt.Sprintf("c%02d", i))(tx)
			})
		})
		waitQueued(db, i+1)
	}
	// hold's own write is in a batch before this one, so it is not hurt.
	release()
	all.Wait()
	for range 21 {
		if err := <-failed; err == nil {
			t.Error("a write was acknowledged")
		}
	}
	if got := rows(t, db); len(got) != 0 {
		t.Errorf("rows %v", got)
	}
	if err := db.run(t.Context(), true, putRow("after")); err != nil {
		t.Error(err)
	}
}

func TestWriteGivesUpWhileItWaits(t *testing.T) {
	db := openTest(t)
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() { gaveUp <- db.run(ctx, true, putRow("given up")) }()
	waitQueued(db, 1)
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := db.run(ctx, false, putRow("too late")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	release()
	if err := db.run(t.Context(), false, putRow("after")); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, db); len(got) != 1 || got[0] != "after" {
		t.Errorf("rows %v", got)
	}
}

// TestWriteOutlivesItsContextOnceBegun: ending the context of one must not undo what the others of its batch wrote.
func TestWriteOutlivesItsContextOnceBegun(t *testing.T) {
	db := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.run(ctx, true, func(tx transaction) error {
		cancel()
		return putRow("begun")(tx)
	})
	if err != nil || len(rows(t, db)) != 1 {
		t.Errorf("error %v, rows %v", err, rows(t, db))
	}
}

func TestQueueIsBounded(t *testing.T) {
	db := openTest(t)
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range maxQueued {
		all.Go(func() {
			if err := db.run(t.Context(), false, putRow(fmt.Sprintf("c%03d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	waitQueued(db, maxQueued)
	full := make(chan error)
	go func() { full <- db.run(ctx, false, putRow("one too many")) }()
	cancel()
	if err := <-full; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	release()
	all.Wait()
	if got := rows(t, db); len(got) != maxQueued {
		t.Errorf("%d rows, want %d", len(got), maxQueued)
	}
}

// TestCloseCommitsWhatIsQueued, and refuses what comes later.
func TestCloseCommitsWhatIsQueued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	release := hold(t, db)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := db.run(t.Context(), false, putRow(fmt.Sprintf("c%02d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	waitQueued(db, 20)
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	release()
	all.Wait()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := db.run(t.Context(), false, putRow("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	db, err = Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := rows(t, db); len(got) != 20 {
		t.Errorf("%d rows, want 20", len(got))
	}
}

// TestInvariant12DurableBatchesWaitForTheDisk: the setting that a commit runs under, batch by batch.
func TestInvariant12DurableBatchesWaitForTheDisk(t *testing.T) {
	db := openTest(t)
	const normal, full = 1, 2
	for i, durable := range []bool{true, false, true, true, false, false, true, false} {
		var mode int
		err := db.run(t.Context(), durable, func(tx transaction) error {
			if err := putRow(fmt.Sprint(i))(tx); err != nil {
				return err
			}
			return db.writer.conn.QueryRowContext(context.Background(), `PRAGMA synchronous`).Scan(&mode)
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: full, false: normal}[durable]; mode != want {
			t.Errorf("batch %d, durable %v: synchronous is %d, want %d", i, durable, mode, want)
		}
		if db.writer.unsynced == durable {
			t.Errorf("batch %d, durable %v: unsynced %v", i, durable, db.writer.unsynced)
		}
	}
}

// TestInvariant2CollectRechecksReferences: what a row needs stays, whatever the caller thought; what none needs goes.
func TestInvariant2CollectRechecksReferences(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 2)
	digest := func(s string) blob.Digest { return blob.Sum([]byte(s)) }
	retain(t, db, r, left, external("1.0.0", "asset"))
	retain(t, db, r, left, external("2.0.0", "evicted"))
	for _, repo := range r {
		edit(t, db, repo, left, func(h *cache.Holding) { h.Versions[1].Assets[0].Evicted = true })
	}
	rendering := cache.Rendering{Digest: digest("plain"), Gzip: digest("gzip"), Created: day}
	document := cache.DocumentRecord{Status: 200, Digest: digest("document")}
	if err := errors.Join(db.PutRendering(t.Context(), rendering), db.PutDocument(t.Context(), document)); err != nil {
		t.Fatal(err)
	}
	needed := map[string]bool{"asset": true, "plain": true, "gzip": true, "document": true, "evicted": false, "unknown": false}
	var digests []blob.Digest
	for s, want := range needed {
		digests = append(digests, digest(s))
		removed := false
		did, err := db.Collect(t.Context(), digest(s), func() error {
			removed = true
			if db.writer.unsynced {
				t.Errorf("%s: bytes go before it is on the disk that their row is gone", s)
			}
			return nil
		})
		if err != nil || did == want || did != removed {
			t.Errorf("%s: collected %v, removed %v, %v", s, did, removed, err)
		}
		edit(t, db, r[0], ui, func(h *cache.Holding) { h.Meta = append(h.Meta, 'x') }) // something not synced
	}
	for range 3 * maxList { // more than one statement takes
		digests = append(digests, digest("unknown"))
	}
	got, err := db.Referenced(t.Context(), digests)
	if err != nil || len(got) != 4 {
		t.Errorf("referenced %v, %v", got, err)
	}
	for s, want := range needed {
		if got[digest(s)] != want {
			t.Errorf("%s: referenced %v", s, !want)
		}
	}
	pinned := fmt.Errorf("pinned")
	if did, err := db.Collect(t.Context(), digest("unknown"), func() error { return pinned }); did || !errors.Is(err, pinned) {
		t.Errorf("collected %v, %v", did, err)
	}
}
