package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// statements keeps what was prepared on a pool or a connection. There are as many as there are texts in this package
// (a look-up along a walk has one for each power of two), so that nothing needs to be thrown out.
type statements struct {
	on interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	mu     sync.RWMutex
	byText map[string]*sql.Stmt
}

func (s *statements) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.byText[text]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.byText[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.on.PrepareContext(context.WithoutCancel(ctx), text) // others will use it too
	if err != nil {
		return nil, err
	}
	if s.byText == nil {
		s.byText = make(map[string]*sql.Stmt)
	}
	s.byText[text] = stmt
	return stmt, nil
}

// close lets go of what was prepared: a connection with statements left does not really close.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.byText {
		errs = append(errs, stmt.Close())
	}
	s.byText = nil
	return errors.Join(errs...)
}

// query runs a statement that returns rows.
func (s *statements) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// exec runs a statement and returns how many rows it changed.
func (s *statements) exec(ctx context.Context, text string, args ...any) (int64, error) {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one reads the only row into dest, or returns sql.ErrNoRows.
func (s *statements) one(ctx context.Context, text string, args []any, dest ...any) error {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(dest...)
}

// query runs a statement that returns rows: on the readers, in a reader's transaction, or in the writer's.
type query func(ctx context.Context, text string, args ...any) (*sql.Rows, error)

// each calls scan for every row. It takes what a query returned.
func each(rows *sql.Rows, err error, scan func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// listed is a statement that ends with a list of parameters, as in "WHERE a = $1 AND b IN (": its texts for lists of
// 1, 2, 4 … maxList. One statement for 20 repositories takes as long as for one; a loop would take six times that.
type listed [6]string

// maxList is the longest list that a listed statement takes.
const maxList = 32

// list returns the statement that begins with head, which has parameters already.
func list(head string, parameters int) listed {
	var texts listed
	for i := range texts {
		marks := make([]string, 1<<i)
		for j := range marks {
			marks[j] = fmt.Sprintf("$%d", parameters+j+1)
		}
		texts[i] = head + strings.Join(marks, ", ") + ")"
	}
	return texts
}

// with returns the text for a list of n, which is not 0, and the arguments: head, then the list filled up by repeating its
// last value.
func with[T any](l *listed, head []any, values []T) (string, []any) {
	i := 0
	for 1<<i < len(values) {
		i++
	}
	args := make([]any, 0, len(head)+1<<i)
	args = append(args, head...)
	for j := range 1 << i {
		args = append(args, values[min(j, len(values)-1)])
	}
	return l[i], args
}
