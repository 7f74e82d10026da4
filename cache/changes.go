package cache

import (
	"hash/maphash"
	"sync/atomic"
)

// changeSlots is how many counters Changes keeps: 64 KiB a domain. Packages that share one only make each other's
// answers be looked up again, which costs about a tenth of a millisecond.
const changeSlots = 1 << 13

// Changes counts what happens to packages, so that an answer in memory can tell whether it still holds: it remembers
// the count it was made at, and is unreachable once the count moved on. Nothing in memory is ever invalidated
// (invariant 8), and the counters take the same room however many packages there are.
type Changes struct {
	slots [changeSlots]atomic.Uint64
	seed  maphash.Seed
}

// NewChanges returns counters at zero.
func NewChanges() *Changes { return &Changes{seed: maphash.MakeSeed()} }

// Of returns the counter of a package.
func (c *Changes) Of(p Package) *atomic.Uint64 {
	return &c.slots[maphash.Comparable(c.seed, p)%changeSlots]
}

// Bump says that what is known of the package has changed, or was confirmed anew.
func (c *Changes) Bump(p Package) { c.Of(p).Add(1) }
