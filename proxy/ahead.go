package proxy

import (
	"context"
	"net/http"
	"net/url"

	"entrepot/proxy/format"
)

// ahead is an asset that is asked for where it probably is, while the index is read that says so for certain: a lockfile
// install asks for tarballs whose index was never read, and would wait for one after the other.
type ahead struct {
	url    *url.URL
	cancel context.CancelFunc
	done   chan struct{} // closed when what follows is set
	resp   *http.Response
	err    error
	taken  bool
}

// lookAhead asks for the asset where the format guesses it to be; nil: nothing is guessed. A version that a rule may
// refuse is not asked for before the rules have decided, and none whose index was read before: that is at hand, and may
// say that there is no such version.
func (f *fetch) lookAhead(ctx context.Context) *ahead {
	guesser, ok := f.format.(format.Guesser)
	if !ok || f.rules.Touch(f.key.Package) {
		return nil
	}
	if _, read := f.engine.trails.get(f.conn, f.key.Package); read {
		return nil
	}
	guess := guesser.Guess(f.key)
	u, err := f.conn.Resolve(guess)
	if guess == "" || err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{url: u, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.resp, a.err = f.get(ctx, u, format.Ref{})
	}()
	return a
}

// take returns the answer if it was asked for at the right address; nil and no error otherwise.
func (a *ahead) take(u *url.URL, ref format.Ref) (*http.Response, error) {
	if a == nil || a.url.String() != u.String() || ref.Accept != "" {
		return nil, nil
	}
	a.taken = true
	<-a.done
	return a.resp, a.err
}

// drop ends a request that nobody took.
func (a *ahead) drop() {
	if a == nil || a.taken {
		return
	}
	a.cancel()
	<-a.done
	if a.resp != nil {
		a.resp.Body.Close()
	}
}
