package cache

import "time"

// plan says how a query is answered from what is stored.
type plan int

const (
	serve   plan = iota // as it is stored
	behind              // as it is stored, and refreshed behind
	briefly             // refreshed; after WaitForRefresh as it is stored, and marked
	ask                 // as the registry answers; as it is stored only if that fails
)

// often is how often one document may be asked for whatever is stored: a client that looks for what nobody has must
// not turn each of its requests into one to the registry.
const often = time.Second

// plan decides how fresh the stored record must be (design, "Freshness"). An absence is never served while it is
// refreshed behind: a name that is published a minute after somebody looked for it must be found.
func (d *Documents) plan(rec *DocumentRecord, q *DocumentQuery) plan {
	if rec == nil {
		return ask
	}
	if q.StoredOnly || q.Immutable && !absent(rec) {
		return serve
	}
	age := time.Since(rec.Checked)
	known := age >= 0 // else the clock went back, and we do not know how old it is
	switch {
	case q.Refresh && (!known || age >= often):
		return ask
	case known && age < d.fresh(rec, q):
		return serve
	case absent(rec):
		return ask
	case age <= d.o.StaleWhileRevalidate:
		return behind
	default:
		return briefly
	}
}

// fresh is how long a record of that kind holds.
func (d *Documents) fresh(rec *DocumentRecord, q *DocumentQuery) time.Duration {
	switch {
	case absent(rec):
		return d.o.FreshAbsent
	case q.Fresh > 0:
		return q.Fresh
	default:
		return d.o.Fresh
	}
}

// until is when a record stops being fresh; for what never changes, in a hundred years.
func (d *Documents) until(rec *DocumentRecord, q *DocumentQuery) time.Time {
	if q.Immutable && !absent(rec) {
		return rec.Checked.AddDate(100, 0, 0)
	}
	return rec.Checked.Add(d.fresh(rec, q))
}
