package connection

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetries(t *testing.T) {
	tests := []struct {
		name     string
		method   string
		answers  []int // the last one repeats; 0: the connection breaks
		attempts int
		status   int // 0: an error
	}{
		{"success", "GET", []int{200}, 1, 200},
		{"absence", "GET", []int{404}, 1, 404},
		{"not modified", "GET", []int{304}, 1, 304},
		{"forbidden", "GET", []int{403}, 1, 403},
		{"not implemented", "GET", []int{501}, 1, 501},
		{"one failure", "GET", []int{503, 200}, 2, 200},
		{"two failures", "HEAD", []int{500, 502, 200}, 3, 200},
		{"broken, then well", "GET", []int{0, 200}, 2, 200},
		{"the last failure is a response", "GET", []int{503}, 3, 503},
		{"the last 429 is a response", "GET", []int{429}, 3, 429},
		{"broken for good", "GET", []int{0}, 3, 0},
		{"a post is sent once", "POST", []int{503, 200}, 1, 503},
		{"a put is sent once", "PUT", []int{0, 200}, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				c := scripted(t, func(r *http.Request) (*http.Response, error) {
					status := tt.answers[min(attempts, len(tt.answers)-1)]
					attempts++
					if status == 0 {
						return nil, io.ErrUnexpectedEOF
					}
					return reply(r, status, "body"), nil
				}, nil)
				r, _ := http.NewRequestWithContext(t.Context(), tt.method, "a", nil)
				begun := time.Now()
				resp, err := c.RoundTrip(r)
				if tt.status == 0 {
					if wantKind(t, err, Broken); !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("error %v", err)
					}
				} else if err != nil || resp.StatusCode != tt.status || read(t, resp) != "body" {
					t.Fatalf("%v, %v", resp, err)
				}
				if attempts != tt.attempts {
					t.Errorf("%d attempts, want %d", attempts, tt.attempts)
				}
				if spent := time.Since(begun); spent > 3*firstBackoff || (spent > 0) != (attempts > 1) {
					t.Errorf("waited %v for %d attempts", spent, attempts)
				}
				if st := c.State(); st.Retries != uint64(attempts-1) {
					t.Errorf("%d retries counted", st.Retries)
				}
				idle(t, c)
			})
		})
	}
}

// With a stale copy in hand nothing is retried, and nothing is waited for.
func TestWithoutRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			attempts++
			return reply(r, 503, "", "Retry-After", "2"), nil
		}, nil)
		begun := time.Now()
		resp, err := get(WithoutRetry(t.Context()), c, "a")
		if err != nil || resp.StatusCode != 503 {
			t.Fatal(resp, err)
		}
		read(t, resp)
		_, err = get(WithoutRetry(t.Context()), c, "a")
		if e := wantKind(t, err, Open); e.RetryAfter != 2*time.Second || attempts != 1 || time.Since(begun) != 0 {
			t.Errorf("%v after %d attempts in %v", err, attempts, time.Since(begun))
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			if len(at) < 3 {
				return reply(r, 429, "", "Retry-After", "4"), nil
			}
			return reply(r, 200, ""), nil
		}, nil)
		resp, err := get(t.Context(), c, "a")
		if err != nil {
			t.Fatal(err)
		}
		read(t, resp)
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < 4*time.Second || gap > 4400*time.Millisecond {
				t.Errorf("asked again after %v", gap)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	c := scripted(t, nil, nil)
	seen := make(map[time.Duration]bool)
	for n := range 70 {
		limit := min(firstBackoff<<min(n, 16), c.o.RetryCap)
		for range 100 {
			d := c.backoff(0, 0, n, nil)
			if d <= 0 || d > limit {
				t.Fatalf("backoff %d: %v, want at most %v", n, d, limit)
			}
			seen[d] = true
		}
	}
	if len(seen) < 1000 {
		t.Errorf("%d different waits of 7000: no jitter", len(seen))
	}
}

func TestRetryStopsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scripted(t, func(r *http.Request) (*http.Response, error) { return reply(r, 503, "", "Retry-After", "5"), nil }, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := get(ctx, c, "a")
		if wantKind(t, err, Timeout); time.Since(begun) != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		idle(t, c)
	})
}

type closer struct {
	roundTrip
	closed int
}

func (c *closer) CloseIdleConnections() { c.closed++ }

// A failing request must not close the idle connections of those that do well: go-retryablehttp does so wherever it can.
func TestFailuresKeepConnections(t *testing.T) {
	c := scripted(t, nil, func(o *Options) { o.Retries = -1 })
	tr := &closer{roundTrip: func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "broken") {
			return nil, io.ErrUnexpectedEOF
		}
		return reply(r, 503, ""), nil
	}}
	c.transport = tr
	_, err := get(t.Context(), c, "broken")
	wantKind(t, err, Broken)
	resp, err := get(t.Context(), c, "a")
	if err != nil {
		t.Fatal(err)
	}
	read(t, resp)
	if tr.closed > 0 {
		t.Errorf("idle connections were closed %d times", tr.closed)
	}
}
