package cache

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// refresh is one question to a registry, which any number of queries may wait for (invariant 3). It belongs to none of
// them: it runs to its end whoever leaves.
type refresh struct {
	done chan struct{} // closed when rec and err are set
	rec  DocumentRecord
	err  error

	// The rest is guarded by Documents.mu.
	urgent   chan struct{} // closed when a client waits: it then needs no slot
	patience time.Time     // when those who wait briefly give up; zero: nobody waited yet
	ended    bool
	changed  []func() // of those who left before the end
}

const (
	// queue bounds the refreshes behind that wait for a slot, per slot. Past it a document is served without being
	// refreshed; the next query tries again.
	queue = 64
	// listeners bounds the Changed functions that one refresh remembers: several repositories may read one document,
	// but a slow registry must not make a list of all requests.
	listeners = 1024
	// rest is how long a registry is not asked again for a document of which there is a copy, after it failed;
	// maxRest bounds what its Retry-After can make of that.
	rest    = 10 * time.Second
	maxRest = 5 * time.Minute
	// restingKeys bounds the memory for failures.
	restingKeys = 10_000
	// refreshBudget is how long one refresh may take in all: 1 GiB at 2 MB/s.
	refreshBudget = 10 * time.Minute
)

var (
	errBehind = errors.New("the refresh goes on behind")
	errSlow   = errors.New("the registry has not answered in time")
	errClosed = errors.New("closed")
)

// refresh joins the refresh of k or starts it. rec is the copy in hand, or nil.
func (d *Documents) refresh(src Source, q *DocumentQuery, k DocumentKey, rec *DocumentRecord, p plan) (*refresh, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, &Unavailable{Connection: k.Connection, Err: errClosed}
	}
	r := d.refreshes[k]
	if r == nil {
		r = &refresh{done: make(chan struct{}), urgent: make(chan struct{})}
		if p == behind && d.queued >= queue*d.o.Limit {
			return r, nil // never runs; nobody waits for it
		}
		d.refreshes[k] = r
		d.running.Go(func() { d.run(src, *q, k, rec, r, p == behind) })
		if p == behind {
			d.queued++
		}
	}
	if p == behind {
		return r, nil
	}
	if r.patience.IsZero() {
		close(r.urgent)
		r.patience = time.Now().Add(d.o.WaitForRefresh)
	}
	return r, nil
}

// await waits for the refresh as long as the plan says. It returns the refresh's error, ctx's, errBehind or errSlow.
func (d *Documents) await(ctx context.Context, r *refresh, p plan, q *DocumentQuery) error {
	if p == behind {
		d.leave(r, q)
		return errBehind
	}
	var late <-chan time.Time
	if p == briefly {
		// From when the first client waited, so that those who come later to a slow registry do not wait again.
		timer := time.NewTimer(time.Until(r.patience))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		d.leave(r, q)
		return ctx.Err()
	case <-late:
		d.leave(r, q)
		return errSlow
	}
}

// leave asks for the query to be told when the refresh, which it does not wait for, has changed something.
func (d *Documents) leave(r *refresh, q *DocumentQuery) {
	if q.Changed == nil {
		return
	}
	d.mu.Lock()
	ended := r.ended
	if !ended && len(r.changed) < listeners {
		r.changed = append(r.changed, q.Changed)
	}
	d.mu.Unlock()
	if ended && r.err == nil {
		q.Changed()
	}
}

// run asks the registry, when it is its turn.
func (d *Documents) run(src Source, q DocumentQuery, k DocumentKey, rec *DocumentRecord, r *refresh, polite bool) {
	ctx, cancel := context.WithTimeout(d.ctx, refreshBudget)
	defer cancel()
	if polite {
		select {
		case d.slots <- struct{}{}:
			defer func() { <-d.slots }()
		case <-r.urgent:
		case <-d.ctx.Done():
		}
	}
	if rec != nil && d.o.Once != nil {
		ctx = d.o.Once(ctx)
	}
	r.rec, r.err = d.fetch(ctx, src, &q, k, rec)
	if rec != nil && forbidden(k, r.err) {
		r.err = errors.Join(r.err, d.age(ctx, *rec))
	}
	d.end(k, r, polite)
}

// end publishes the outcome of a refresh.
func (d *Documents) end(k DocumentKey, r *refresh, polite bool) {
	d.mu.Lock()
	delete(d.refreshes, k)
	if polite {
		d.queued--
	}
	if r.err == nil {
		delete(d.resting, k)
	} else if !forbidden(k, r.err) {
		d.letRest(k, r.err)
	}
	r.ended = true
	changed := r.changed
	d.mu.Unlock()
	close(r.done)
	if r.err != nil {
		if d.o.Failed != nil {
			d.o.Failed(k, r.err)
		}
		return
	}
	for _, tell := range changed {
		tell()
	}
}

// rests reports whether the registry failed so lately that a copy in hand is served without asking.
func (d *Documents) rests(k DocumentKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.resting[k])
}

// letRest notes a failure. d.mu is held.
func (d *Documents) letRest(k DocumentKey, err error) {
	now := time.Now()
	if len(d.resting) >= restingKeys {
		for k, until := range d.resting {
			if !now.Before(until) || len(d.resting) >= restingKeys {
				delete(d.resting, k)
			}
		}
	}
	pause := rest
	if u, ok := errors.AsType[*Unavailable](err); ok {
		pause = min(max(pause, u.RetryAfter), maxRest)
	}
	d.resting[k] = now.Add(pause)
}

// forbidden reports whether a failure says that the client's own credential is no longer good for the document: then
// no copy that it once obtained may stand in (invariant 11).
func forbidden(k DocumentKey, err error) bool {
	s, ok := errors.AsType[StatusError](err)
	return ok && k.Scope != "" && (s == http.StatusUnauthorized || s == http.StatusForbidden)
}

// age makes a copy so old that the next client waits for the registry's word.
func (d *Documents) age(ctx context.Context, rec DocumentRecord) error {
	rec.Checked = time.Now().Add(-d.o.StaleWhileRevalidate - time.Second)
	return d.o.Index.PutDocument(ctx, rec)
}
