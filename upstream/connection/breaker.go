package connection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// BreakerState is the state of a breaker.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // requests pass
	BreakerOpen     BreakerState = "open"      // requests fail at once
	BreakerHalfOpen BreakerState = "half-open" // one request at a time finds out
)

const (
	// failuresToOpen consecutive failures open a breaker; a failed dial alone does. Three requests with their retries
	// are not enough, for some registries answer 500 about one package only.
	failuresToOpen = 10
	// A breaker stays open for firstCoolDown, then twice as long each time that the probe fails.
	firstCoolDown = time.Second
	lastCoolDown  = 30 * time.Second
	// longestHold bounds what one Retry-After can do: a registry that says "tomorrow" is asked again after an hour.
	longestHold = time.Hour
	// maxBreakers bounds the hosts that are remembered: documents name them.
	maxBreakers = 256
)

// verdict is what an attempt tells about a host.
type verdict int

const (
	unknown verdict = iota // the caller gave up: nothing learned
	healthy                // it answered
	failing                // it answered 5xx or 429, too late, or broke off
	down                   // no connection could be made
)

// breaker keeps requests from a host that is known to fail. It also holds what Retry-After asked for.
type breaker struct {
	mu       sync.Mutex
	failures int           // in a row, while closed
	openings int           // in a row
	since    time.Time     // of the present state
	until    time.Time     // requests fail until then; zero: closed
	probe    chan struct{} // closed when the probe under way has ended; nil: none
	err      error         // why it opened
}

// errProbing reports that another request is finding out whether the host is back.
var errProbing = errors.New("one request is finding out")

// check returns an error with the time to wait if the breaker is open.
func (b *breaker) check() (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.checkLocked()
}

func (b *breaker) checkLocked() (time.Duration, error) {
	if wait := time.Until(b.until); wait > 0 {
		return wait, fmt.Errorf("not asked, because of an earlier failure: %w", b.err)
	}
	return 0, nil
}

// enter lets an attempt pass, which must report. In the half-open state it waits for the probe under way if wait is
// true, and fails otherwise.
func (b *breaker) enter(ctx context.Context, wait bool) (probing bool, after time.Duration, err error) {
	for {
		b.mu.Lock()
		if after, err = b.checkLocked(); err != nil || b.until.IsZero() {
			b.mu.Unlock()
			return false, after, err
		}
		probe := b.probe
		if probe == nil {
			b.probe = make(chan struct{})
			b.mu.Unlock()
			return true, 0, nil
		}
		err = fmt.Errorf("%w: %w", errProbing, b.err)
		b.mu.Unlock()
		if !wait {
			return false, firstCoolDown, err
		}
		select {
		case <-probe:
		case <-ctx.Done():
			return false, 0, context.Cause(ctx)
		}
	}
}

// report tells what an attempt learned. While the breaker is open only the probe's word counts: attempts that began
// earlier know nothing new.
func (b *breaker) report(probing bool, v verdict, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probing {
		close(b.probe)
		b.probe = nil
	} else if !b.until.IsZero() {
		return
	}
	switch {
	case v == healthy:
		if probing {
			b.since = time.Now()
		}
		b.failures, b.openings, b.until, b.err = 0, 0, time.Time{}, nil
	case v == failing && !probing && b.failures+1 < failuresToOpen:
		b.failures++
	case v != unknown:
		b.openLocked(min(firstCoolDown<<min(b.openings, 10), lastCoolDown), err)
		b.openings++
	}
}

// hold opens the breaker for as long as Retry-After asks.
func (b *breaker) hold(d time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.openLocked(min(d, longestHold), err)
}

func (b *breaker) openLocked(d time.Duration, err error) {
	now := time.Now()
	if b.until.IsZero() {
		b.since = now
	}
	if until := now.Add(d); until.After(b.until) {
		b.until = until
	}
	b.failures, b.err = 0, err
}

func (b *breaker) state() (s BreakerState, since, until time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		s = BreakerClosed
	case time.Now().Before(b.until):
		s = BreakerOpen
	default:
		s = BreakerHalfOpen
	}
	return s, b.since, b.until, b.err
}

// breakers has a breaker per host:port, since a document or a redirect can name a dead host, and that must not close
// the registry.
type breakers struct {
	home breaker // of the connection's own host
	own  string  // its host:port
	mu   sync.Mutex
	m    map[string]*breaker
}

func (bs *breakers) of(host string) *breaker {
	if host == bs.own {
		return &bs.home
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.m[host]
	if b != nil {
		return b
	}
	if bs.m == nil {
		bs.m = make(map[string]*breaker)
	}
	for h := range bs.m { // any one goes: forgetting costs one more attempt
		if len(bs.m) < maxBreakers {
			break
		}
		delete(bs.m, h)
	}
	b = new(breaker)
	bs.m[host] = b
	return b
}
