package index

import (
	"context"
	"fmt"
)

// commit carries out a batch in one transaction and tells the callers.
func (w *writer) commit(batch []*write) {
	taken := batch[:0]
	durable := false
	for _, x := range batch {
		if x.taken.CompareAndSwap(false, true) {
			taken = append(taken, x)
			durable = durable || x.durable
		}
	}
	if len(taken) == 0 {
		return
	}
	err := w.transact(taken, durable)
	for _, x := range taken {
		x.err = err
		close(x.done)
	}
}

// transact runs a batch. It returns what hits all of it; an error of one write goes to that write's caller alone.
func (w *writer) transact(batch []*write, durable bool) (err error) {
	if batch[0].alone {
		if err := w.sync(); err != nil {
			return err
		}
	}
	if err := w.setFull(durable); err != nil {
		return err
	}
	if err := w.command(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = w.command(`ROLLBACK`) // where SQLite has rolled back by itself, there is nothing to undo
		}
	}()
	for _, x := range batch {
		if err := w.savepoint(x); err != nil {
			return err
		}
	}
	if durable && w.unsynced {
		if err := w.command(change); err != nil {
			return err
		}
	}
	if err := w.command(`COMMIT`); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	w.unsynced = !durable && !batch[0].alone
	w.writes.Add(int64(len(batch)))
	w.commits.Add(1)
	return nil
}

// savepoint carries out one write, such that it can be undone alone.
func (w *writer) savepoint(x *write) error {
	if err := w.command(`SAVEPOINT write`); err != nil {
		return err
	}
	x.turn <- transaction{&w.stmts}
	<-x.ran
	if x.failed {
		if err := w.command(`ROLLBACK TO write`); err != nil {
			return err
		}
	}
	return w.command(`RELEASE write`)
}

// change makes sure that a transaction changes something. One that changes nothing is committed without a sync, even
// if what its writes found in place (a version that was published twice) came with a commit that was not synced.
const change = `UPDATE revision SET last = last`

// sync brings all earlier commits to the disk: a commit with synchronous=FULL syncs the whole log.
func (w *writer) sync() error {
	if !w.unsynced {
		return nil
	}
	if err := w.setFull(true); err != nil {
		return err
	}
	if err := w.command(change); err != nil {
		return err
	}
	w.unsynced = false
	return nil
}

// setFull chooses whether a commit waits for the disk (invariant 12), outside of a transaction. The pragma takes effect
// when it is prepared, and not again when it is run: so it must not be kept prepared.
func (w *writer) setFull(full bool) error {
	if w.full == full {
		return nil
	}
	mode := `PRAGMA synchronous = NORMAL`
	if full {
		mode = `PRAGMA synchronous = FULL`
	}
	if _, err := w.conn.ExecContext(context.Background(), mode); err != nil {
		return err
	}
	w.full = full
	return nil
}

func (w *writer) command(text string) error {
	_, err := w.stmts.exec(context.Background(), text)
	return err
}
