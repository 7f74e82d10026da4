package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

const (
	// loginLife is how long a client and its person have; npm's own client gives up after 5 minutes.
	loginLife = 10 * time.Minute
	// maxLogins bounds the logins under way. Past it new ones are refused: whoever waits already keeps its place.
	maxLogins = 1000
)

// ErrBusy reports that too many logins are under way.
var ErrBusy = errors.New("too many logins are under way; try again in a few minutes")

// Logins are web logins under way: a client waits while a person signs in elsewhere (npm's web login). It is bounded,
// forgets what takes too long, and is safe for concurrent use.
//
// The person and the client have different ids: the person's is shown on screens and may be seen, the client's one is
// what the token is given for.
type Logins struct {
	mu   sync.Mutex
	ids  map[string]*pending // by the person's id
	poll map[string]*pending // by the client's
}

type pending struct {
	id, poll, token string
	until           time.Time
}

// NewLogins returns an empty set.
func NewLogins() *Logins {
	return &Logins{ids: make(map[string]*pending), poll: make(map[string]*pending)}
}

// Begin starts a login. id is for the address that the person opens, poll for the one that the client asks. The error
// is ErrBusy.
func (l *Logins) Begin() (id, poll string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ids) >= maxLogins {
		for _, p := range l.ids {
			l.current(p)
		}
	}
	if len(l.ids) >= maxLogins {
		return "", "", ErrBusy
	}
	p := &pending{id: randomText(tokenRandom), poll: randomText(tokenRandom), until: time.Now().Add(loginLife)}
	l.ids[p.id], l.poll[p.poll] = p, p
	return p.id, p.poll, nil
}

// Pending reports whether a login waits for its person.
func (l *Logins) Pending(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.current(l.ids[id])
	return p != nil && p.token == ""
}

// Complete gives a login its token. The error is fs.ErrNotExist if the login is not known, or over.
func (l *Logins) Complete(id, token string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.current(l.ids[id])
	if p == nil || p.token != "" {
		return fmt.Errorf("login: %w", fs.ErrNotExist)
	}
	p.token = token
	return nil
}

// Poll returns the token, once; done is false while the login waits. The error is fs.ErrNotExist if the login is not
// known, or over.
func (l *Logins) Poll(poll string) (token string, done bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.current(l.poll[poll])
	if p == nil {
		return "", false, fmt.Errorf("login: %w", fs.ErrNotExist)
	}
	if p.token == "" {
		return "", false, nil
	}
	l.forget(p)
	return p.token, true, nil
}

// current returns p, or nil after forgetting it if its time is over.
func (l *Logins) current(p *pending) *pending {
	if p != nil && time.Now().After(p.until) {
		l.forget(p)
		return nil
	}
	return p
}

func (l *Logins) forget(p *pending) {
	delete(l.ids, p.id)
	delete(l.poll, p.poll)
}
