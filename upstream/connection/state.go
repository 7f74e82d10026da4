package connection

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// State is a snapshot of a connection, for metrics and for people.
type State struct {
	Name    string
	Breaker BreakerState // of the connection's own host
	Since   time.Time    // of that state; zero: since the start
	Until   time.Time    // when an open breaker lets a request through

	LastError   string // of the latest failure; empty: none yet
	LastErrorAt time.Time
	LastAnswer  time.Time // when a registry last answered

	InFlight int           // requests under way, up to the end of their bodies
	Waiting  int           // requests that wait for their turn
	Latency  time.Duration // to the response's header: an average in which the latest tenth counts most

	Requests  uint64          // sent to a registry, redirects counted as well
	Retries   uint64          // attempts after the first
	Responses [6]uint64       // answers by the first digit of their status; 0: none of 1 to 5
	Failures  map[Kind]uint64 // requests without a response
	Bytes     uint64          // of bodies
}

// counts are what State shows.
type counts struct {
	waiting                  atomic.Int64
	requests, retries, bytes atomic.Uint64
	responses                [6]atomic.Uint64

	mu          sync.Mutex
	latency     time.Duration
	failures    map[Kind]uint64
	lastError   string
	lastErrorAt time.Time
	lastAnswer  time.Time
}

func (c *counts) answered(d time.Duration, status int) {
	class := status / 100
	if class > 5 {
		class = 0
	}
	c.responses[class].Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastAnswer = time.Now()
	if c.latency == 0 {
		c.latency = d
	}
	c.latency += (d - c.latency) / 10
}

func (c *counts) failed(k Kind, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures == nil {
		c.failures = make(map[Kind]uint64)
	}
	c.failures[k]++
	if k != Canceled && k != Open { // neither says anything new
		c.lastError, c.lastErrorAt = err.Error(), time.Now()
	}
}

// State returns how the connection is.
func (c *Connection) State() State {
	n := &c.counts
	s := State{
		Name: c.o.Name, InFlight: len(c.slots), Waiting: int(n.waiting.Load()),
		Requests: n.requests.Load(), Retries: n.retries.Load(), Bytes: n.bytes.Load(),
		Failures: make(map[Kind]uint64),
	}
	s.Breaker, s.Since, s.Until, _ = c.breakers.home.state()
	for i := range s.Responses {
		s.Responses[i] = n.responses[i].Load()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s.Latency, s.LastError, s.LastErrorAt, s.LastAnswer = n.latency, n.lastError, n.lastErrorAt, n.lastAnswer
	maps.Copy(s.Failures, n.failures)
	return s
}
