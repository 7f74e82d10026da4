package connection

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeReply answers with a body that the test writes; the end of the context breaks it, as net/http's transport does.
func pipeReply(r *http.Request) (*http.Response, *io.PipeWriter) {
	pr, pw := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = pw.CloseWithError(r.Context().Err()) })
	resp := reply(r, 200, "")
	resp.Body = pr
	return resp, pw
}

func TestBodyStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *io.PipeWriter
		c := scripted(t, func(r *http.Request) (resp *http.Response, _ error) {
			resp, w = pipeReply(r)
			return resp, nil
		}, nil)
		resp, err := get(t.Context(), c, "a")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range 3 {
				time.Sleep(DefaultStallTimeout - time.Second) // slow, but not silent
				_, _ = io.WriteString(w, "byte")
			}
		}()
		begun := time.Now()
		got, err := io.ReadAll(resp.Body)
		if string(got) != "bytebytebyte" || !errors.Is(err, ErrStalled) {
			t.Errorf("%q, %v", got, err)
		}
		if want := 3*(DefaultStallTimeout-time.Second) + DefaultStallTimeout; time.Since(begun) != want {
			t.Errorf("gave up after %v, want %v", time.Since(begun), want)
		}
		idle(t, c)
	})
}

// A reader that takes its time is no silent peer.
func TestBodyWaitsForItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			resp, w := pipeReply(r)
			go func() {
				for range 3 {
					_, _ = io.WriteString(w, "b")
				}
				_ = w.Close()
			}()
			return resp, nil
		}, nil)
		resp, err := get(t.Context(), c, "a")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(10 * DefaultStallTimeout)
			if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		read(t, resp)
		idle(t, c)
	})
}

func TestBodyEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			resp, _ := pipeReply(r)
			return resp, nil
		}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := get(ctx, c, "a")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, cancel)
		if _, err = io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		idle(t, c)
	})
}

// At most Limit requests are under way, bodies included; the others wait, as long as their contexts let them.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			return reply(r, 200, "body"), nil
		}, func(o *Options) { o.Limit = 3 })
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				resp, err := get(t.Context(), c, "a")
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second) // with the body open
				now.Add(-1)
				_ = resp.Body.Close()
			})
		}
		synctest.Wait()
		if st := c.State(); st.InFlight != 3 || st.Waiting != 9 {
			t.Errorf("state %+v", st)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := get(ctx, c, "a")
		wantKind(t, err, Limit)
		cancel()
		wg.Wait()
		if most.Load() != 3 {
			t.Errorf("%d requests at a time, want 3", most.Load())
		}
		idle(t, c)
	})
}

// A registry that is down is told at once, even while all places are taken.
func TestLimitAfterBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := false
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			if refuse {
				return nil, errRefused
			}
			return reply(r, 200, "body"), nil
		}, func(o *Options) { o.Limit = 2 })
		resp, err := get(t.Context(), c, "a")
		if err != nil {
			t.Fatal(err)
		}
		refuse = true
		_, err = get(t.Context(), c, "a")
		wantKind(t, err, Dial)
		c.slots <- struct{}{} // another long body
		_, err = get(t.Context(), c, "a")
		wantKind(t, err, Open)
		<-c.slots
		_ = resp.Body.Close()
		idle(t, c)
	})
}

func TestRequestBodyIsClosed(t *testing.T) {
	closed := 0
	c := scripted(t, func(r *http.Request) (*http.Response, error) { return nil, errRefused }, nil)
	for range 2 { // refused, then by the breaker
		r, _ := http.NewRequest(http.MethodPost, "a", closing{strings.NewReader("x"), &closed})
		_, err := c.RoundTrip(r)
		if err == nil {
			t.Fatal("no error")
		}
	}
	if closed != 2 {
		t.Errorf("closed %d times", closed)
	}
}

type closing struct {
	io.Reader
	n *int
}

func (c closing) Close() error { *c.n++; return nil }
