package cache

import "github.com/dgraph-io/ristretto/v2"

// Answers keeps finished, immutable answers in memory, within a budget. What is asked for often stays; what is put may be
// dropped at once or at any time. It is safe for concurrent use.
//
// A value must never change, nor may another be put under its key: there is no invalidation. A key is 128 bits of a
// hash of all that the answer depends on, so that an answer which no longer holds becomes unreachable (invariant 8).
type Answers struct {
	c      *ristretto.Cache[uint64, answer]
	budget int64
}

// answer is a value with the half of its key that ristretto does not see.
type answer struct {
	check uint64
	value any
}

const (
	// answerSize is about what an answer takes: a rendered packument has 130 KB, but most are small.
	answerSize = 16 << 10
	// countersPerAnswer and 4.4 bytes each: with 100 times as many counters as answers, 64 % of Zipf-distributed requests
	// hit, with 10 times 58 %, and of a plain LRU 55 % (20,000 keys, 512 resident).
	countersPerAnswer = 100
	// leastCounters are for small budgets.
	leastCounters = 10_000
	// entryCost is what an answer takes beside its value: the map's entry, the policy's, and the key.
	entryCost = 128
)

// NewAnswers returns answers that take at most budget bytes. The caller closes it.
func NewAnswers(budget int64) *Answers {
	budget = max(budget, 1)
	c, err := ristretto.NewCache(&ristretto.Config[uint64, answer]{
		NumCounters: max(leastCounters, budget/answerSize*countersPerAnswer),
		MaxCost:     budget,
		BufferItems: 64, // ristretto's advice
		Metrics:     true,
	})
	if err != nil {
		panic(err) // by the numbers above alone
	}
	return &Answers{c: c, budget: budget}
}

// Get returns the answer under k.
func (a *Answers) Get(k [2]uint64) (any, bool) {
	v, ok := a.c.Get(k[0])
	if !ok || v.check != k[1] {
		return nil, false
	}
	return v.value, true
}

// Put offers an answer that takes cost bytes.
func (a *Answers) Put(k [2]uint64, v any, cost int64) {
	if cost += entryCost; cost <= a.budget { // ristretto would keep it in place of another of the same first half
		a.c.Set(k[0], answer{check: k[1], value: v}, cost)
	}
}

// AnswersStats count what has happened to answers.
type AnswersStats struct {
	Hits, Misses uint64
	Bytes        int64  // held now
	Dropped      uint64 // offered and not taken, for want of room or of time
	Evicted      uint64
}

// Stats returns the counts since the start.
func (a *Answers) Stats() AnswersStats {
	m := a.c.Metrics
	return AnswersStats{
		Hits: m.Hits(), Misses: m.Misses(), Bytes: int64(m.CostAdded() - m.CostEvicted()),
		Dropped: m.SetsDropped() + m.SetsRejected(), Evicted: m.KeysEvicted(),
	}
}

// Close lets go of the answers. Nothing may be asked of them afterwards.
func (a *Answers) Close() error {
	a.c.Close()
	return nil
}
