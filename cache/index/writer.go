package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/semver"
)

// ErrClosed reports a write to an index that is closed.
var ErrClosed = errors.New("index is closed")

const (
	// maxQueued bounds the writes that wait; callers of further ones wait to get in.
	maxQueued = 256
	// maxBatch bounds the writes of one transaction, so that the first does not wait long for the last: they take
	// 50 to 200 µs each.
	maxBatch = 128
)

// transaction is the writer's, for one write. Its statements do not look at the caller's context: SQLite would undo the
// writes of others too if one were interrupted.
type transaction struct{ stmts *statements }

func (tx transaction) exec(text string, args ...any) (int64, error) {
	return tx.stmts.exec(context.Background(), text, args...)
}

func (tx transaction) one(text string, args []any, dest ...any) error {
	return tx.stmts.one(context.Background(), text, args, dest...)
}

// write is one that waits for its turn. Its function runs on the caller's goroutine, while the writer waits, so that a
// panic in it is the caller's.
type write struct {
	durable bool
	alone   bool // changes no row; runs by itself, when all before it is on the disk
	do      func(transaction) error

	taken  atomic.Bool      // by the writer, or by a caller that gave up
	turn   chan transaction // the writer lets the caller run do
	ran    chan struct{}    // closed when do has ended
	failed bool             // it did not return nil; valid after ran
	done   chan struct{}    // closed when the transaction has ended
	err    error            // what hit the transaction; valid after done
}

// run carries out the write, in its turn.
func (x *write) run(tx transaction) error {
	x.failed = true
	defer close(x.ran) // also if do panics: the others' writes go on
	err := x.do(tx)
	x.failed = err != nil
	return err
}

// writer is the one connection that writes, and the goroutine that owns it.
type writer struct {
	pool  *sql.DB
	conn  *sql.Conn
	stmts statements

	// Owned by the goroutine.
	full     bool // synchronous=FULL is set
	unsynced bool // commits may have been made that are not on the disk yet

	writes, commits atomic.Int64

	mu      sync.RWMutex // held to read while a write is queued; guards closed
	closed  bool
	queue   chan *write
	stopped chan struct{}
}

// startWriter connects, migrates, and starts the goroutine. The writer owns the pool from then on.
func startWriter(ctx context.Context, pool *sql.DB) (*writer, error) {
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var version string
	if err := conn.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if semver.Compare("v"+version, "v"+oldestSQLite) < 0 {
		return nil, errors.Join(fmt.Errorf("SQLite %s can corrupt a database, need %s", version, oldestSQLite), conn.Close())
	}
	if err := migrate(ctx, conn, migrations); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	w := &writer{
		pool: pool, conn: conn, stmts: statements{on: conn},
		unsynced: true, // what an earlier process left in the log
		queue:    make(chan *write, maxQueued),
		stopped:  make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// write queues a write and waits until it is committed. If ctx ends first, the write is given up, unless its turn has
// come: then its outcome is awaited, which takes no longer than a commit.
func (w *writer) write(ctx context.Context, x *write) error {
	x.turn, x.ran, x.done = make(chan transaction), make(chan struct{}), make(chan struct{})
	if err := w.enqueue(ctx, x); err != nil {
		return err
	}
	var tx transaction
	select {
	case tx = <-x.turn:
	case <-x.done: // the transaction failed before its turn
		return x.err
	case <-ctx.Done():
		if x.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		select {
		case tx = <-x.turn:
		case <-x.done:
			return x.err
		}
	}
	if err := x.run(tx); err != nil {
		return err
	}
	<-x.done
	return x.err
}

func (w *writer) enqueue(ctx context.Context, x *write) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.queue <- x:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop commits what is queued, and takes no more. It may be called again.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.stopped
}

// close stops, and closes the connection.
func (w *writer) close() error {
	w.stop()
	return errors.Join(w.stmts.close(), w.conn.Close(), w.pool.Close())
}

// run commits the queue, as much of it at a time as there is.
func (w *writer) run() {
	defer close(w.stopped)
	for x := range w.queue {
		batch := w.gather(x)
		for len(batch) > 0 {
			n := together(batch)
			w.commit(batch[:n])
			batch = batch[n:]
		}
	}
}

// gather adds to a first write what else is queued.
func (w *writer) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case x, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch = append(batch, x)
		default:
			return batch
		}
	}
	return batch
}

// together returns how many of the first writes may share a transaction.
func together(batch []*write) int {
	n := 1
	for n < len(batch) && !batch[0].alone && !batch[n].alone {
		n++
	}
	return n
}
