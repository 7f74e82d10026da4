package connection

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

func TestBreakerOpensAtTheFirstRefusedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := scripted(t, func(*http.Request) (*http.Response, error) { asked++; return nil, errRefused }, nil)
		begun := time.Now()
		_, err := get(t.Context(), c, "a")
		if wantKind(t, err, Dial); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v", err)
		}
		for range 20 {
			_, err = get(t.Context(), c, "a")
			if e := wantKind(t, err, Open); e.RetryAfter != firstCoolDown || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("error %v after %v", err, e.RetryAfter)
			}
		}
		if asked != 1 || time.Since(begun) != 0 {
			t.Errorf("%d attempts in %v, want 1 at once", asked, time.Since(begun))
		}
		if st := c.State(); st.Breaker != BreakerOpen || !st.Until.Equal(begun.Add(firstCoolDown)) || st.LastError == "" {
			t.Errorf("state %+v", st)
		}
		idle(t, c)
	})
}

func TestBreakerCoolDownDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ok := false
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			if ok {
				return reply(r, 200, ""), nil
			}
			return nil, errRefused
		}, nil)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			_, err := get(t.Context(), c, "a")
			wantKind(t, err, Dial)
			if got := time.Until(c.State().Until); got != want*time.Second {
				t.Errorf("open for %v, want %v", got, want*time.Second)
			}
			time.Sleep(want * time.Second)
			if st := c.State(); st.Breaker != BreakerHalfOpen {
				t.Errorf("state %s", st.Breaker)
			}
		}
		ok = true
		resp, err := get(t.Context(), c, "a")
		if err != nil {
			t.Fatal(err)
		}
		read(t, resp)
		if st := c.State(); st.Breaker != BreakerClosed || !st.Since.Equal(time.Now()) {
			t.Errorf("state %+v", st)
		}
		ok = false
		_, err = get(t.Context(), c, "a")
		wantKind(t, err, Dial)
		if got := time.Until(c.State().Until); got != firstCoolDown {
			t.Errorf("open for %v after a recovery", got)
		}
	})
}

// While the breaker is half-open one request finds out; the others share what it learns, and who holds a stale copy
// does not wait at all.
func TestBreakerProbesOnce(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		t.Run(fmt.Sprintf("recovers=%v", recovers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { probeOnce(t, recovers) })
		})
	}
}

func probeOnce(t *testing.T, recovers bool) {
	var mu sync.Mutex
	asked, working, slow := 0, 0, false
	c := scripted(t, func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		asked++
		working++
		n, wait := working, slow
		mu.Unlock()
		if wait {
			time.Sleep(2 * time.Second)
		}
		mu.Lock()
		working--
		mu.Unlock()
		if wait && recovers {
			return reply(r, 200, ""), nil
		}
		if n > 1 {
			t.Error("two probes at a time")
		}
		return nil, errRefused
	}, nil)
	_, err := get(t.Context(), c, "a")
	wantKind(t, err, Dial)
	time.Sleep(firstCoolDown)
	mu.Lock()
	asked, slow = 0, true
	mu.Unlock()

	var wg sync.WaitGroup
	kinds := make(chan Kind, 10)
	for range 10 {
		wg.Go(func() {
			resp, err := get(t.Context(), c, "a")
			if e, ok := errors.AsType[*Error](err); ok {
				kinds <- e.Kind
				return
			}
			_ = resp.Body.Close()
			kinds <- ""
		})
	}
	synctest.Wait()
	if asked != 1 {
		t.Errorf("%d requests probe", asked)
	}
	begun := time.Now()
	_, err = get(WithoutRetry(t.Context()), c, "a")
	if e := wantKind(t, err, Open); e.RetryAfter <= 0 || time.Since(begun) != 0 {
		t.Errorf("a request with a stale copy waited %v and got %v", time.Since(begun), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	_, err = get(ctx, c, "a")
	wantKind(t, err, Timeout)
	cancel()
	wg.Wait()
	close(kinds)
	got := make(map[Kind]int)
	for k := range kinds {
		got[k]++
	}
	if recovers && (got[""] != 10 || asked != 10) || !recovers && (got[Dial] != 1 || got[Open] != 9 || asked != 1) {
		t.Errorf("outcomes %v after %d attempts", got, asked)
	}
	idle(t, c)
}

// A probe whose client leaves has learned nothing: the next request probes, and nobody waits for ever.
func TestBreakerProbeIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := false
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			if hang {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return nil, errRefused
		}, nil)
		_, err := get(t.Context(), c, "a")
		wantKind(t, err, Dial)
		time.Sleep(firstCoolDown)
		hang = true
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := get(ctx, c, "a")
			done <- err
		}()
		synctest.Wait()
		cancel()
		wantKind(t, <-done, Canceled)
		hang = false
		_, err = get(t.Context(), c, "a")
		wantKind(t, err, Dial)
	})
}

func TestBreakerOpensAfterManyFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 500
		c := scripted(t, func(r *http.Request) (*http.Response, error) { return reply(r, status, ""), nil }, nil)
		ask := func() error {
			resp, err := get(WithoutRetry(t.Context()), c, "a")
			if err == nil {
				read(t, resp)
			}
			return err
		}
		for range 3 {
			for range failuresToOpen - 1 {
				if err := ask(); err != nil {
					t.Fatal(err)
				}
			}
			status = 404 // an answer is an answer
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			status = 500
		}
		for range failuresToOpen {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
		}
		wantKind(t, ask(), Open)
	})
}

// What a client gives up says nothing about the registry.
func TestBreakerIgnoresClientsThatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, nil)
		for range 2 * failuresToOpen {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := get(ctx, c, "a")
			wantKind(t, err, Timeout)
			cancel()
		}
		if st := c.State(); st.Breaker != BreakerClosed {
			t.Errorf("state %+v", st)
		}
		idle(t, c)
	})
}

func TestBreakerHoldsRetryAfter(t *testing.T) {
	for after, want := range map[string]time.Duration{
		"60": time.Minute, "86400": longestHold,
		time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC).Format(http.TimeFormat): 10 * time.Minute, // bubbles begin in 2000
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			c := scripted(t, func(r *http.Request) (*http.Response, error) {
				asked++
				return reply(r, 429, "slow down", "Retry-After", after), nil
			}, nil)
			begun := time.Now()
			resp, err := get(t.Context(), c, "a")
			if err != nil || resp.StatusCode != 429 || read(t, resp) != "slow down" {
				t.Fatalf("%v, %v", resp, err)
			}
			_, err = get(t.Context(), c, "a")
			if e := wantKind(t, err, Open); e.RetryAfter != want || asked != 1 || time.Since(begun) != 0 {
				t.Errorf("Retry-After %s: %v after %d attempts in %v", after, e.RetryAfter, asked, time.Since(begun))
			}
			time.Sleep(want)
			resp, err = get(t.Context(), c, "a")
			if err != nil || asked != 2 {
				t.Fatalf("%v after %d attempts", err, asked)
			}
			read(t, resp)
		})
	}
}

// A document can name a dead host; the registry stays open. The hosts that are remembered are bounded.
func TestBreakerIsPerHost(t *testing.T) {
	c := scripted(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "registry.example" {
			return reply(r, 200, ""), nil
		}
		return nil, errRefused
	}, nil)
	for i := range 2 * maxBreakers {
		_, err := get(t.Context(), c, fmt.Sprintf("https://dead%d.example/a", i))
		wantKind(t, err, Dial)
		_, err = get(t.Context(), c, fmt.Sprintf("https://dead%d.example/a", i))
		wantKind(t, err, Open)
	}
	resp, err := get(t.Context(), c, "a")
	if err != nil {
		t.Fatal(err)
	}
	read(t, resp)
	if n := len(c.breakers.m); n > maxBreakers {
		t.Errorf("%d hosts are remembered", n)
	}
}
