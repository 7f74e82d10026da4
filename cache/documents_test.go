package cache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"entrepot/cache/blob"
	"entrepot/upstream/connection"
)

func TestFreshness(t *testing.T) {
	v2 := says(200, "v2")
	for _, tt := range []struct {
		name     string
		age      time.Duration
		registry func(*http.Request) (*http.Response, error)
		text     string
		stale    bool
		waits    time.Duration
		asked    bool
		changed  bool   // told that the document changed behind
		next     string // what the next query gets, once all is quiet
	}{
		{"fresh", 5*time.Minute - 1, v2, "v1", false, 0, false, false, "v2"},
		{"served while it is refreshed behind", 5 * time.Minute, after(time.Second, v2), "v1", false, 0, true, true, "v2"},
		{"up to an hour", time.Hour, after(time.Second, v2), "v1", false, 0, true, true, "v2"},
		{"past an hour, a client waits", time.Hour + 1, after(time.Second, v2), "v2", false, time.Second, true, false, "v2"},
		{"for two seconds", time.Hour + 1, after(2*time.Second-1, v2), "v2", false, 2*time.Second - 1, true, false, "v2"},
		{"and no longer", time.Hour + 1, after(3*time.Second, v2), "v1", true, 2 * time.Second, true, true, "v2"},
		{"nor for what fails", time.Hour + 1, down, "v1", true, 0, true, false, "v1"},
		{"years later", 1e5 * time.Hour, down, "v1", true, 0, true, false, "v1"},
		{"failing behind", 5 * time.Minute, down, "v1", false, 0, true, false, "v1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, says(200, "v1"), DocumentsOptions{})
				h.want(query, "v1", false)
				time.Sleep(tt.age)
				h.src.set(tt.registry)
				var changed atomic.Int32
				q := query
				q.Changed = func() { changed.Add(1) }
				begun := time.Now()
				h.want(q, tt.text, tt.stale)
				if waited := time.Since(begun); waited != tt.waits {
					t.Errorf("the client waited %v, want %v", waited, tt.waits)
				}
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if got := h.src.requests() > 1; got != tt.asked {
					t.Errorf("asked again: %v, want %v", got, tt.asked)
				}
				if got := changed.Load() == 1; got != tt.changed {
					t.Errorf("told of a change %d times, want %v", changed.Load(), tt.changed)
				}
				if text, _, err := h.get(query); err != nil || tt.asked && text != tt.next {
					t.Errorf("afterwards: %q, %v, want %q", text, err, tt.next)
				}
			})
		})
	}
}

func TestInvariant10FreshnessOfAbsence(t *testing.T) {
	for _, tt := range []struct {
		name     string
		age      time.Duration
		registry func(*http.Request) (*http.Response, error)
		asked    bool
		absent   bool // else unavailable, or the text "now"
		text     string
	}{
		{"fresh", time.Minute - 1, says(200, "now"), false, true, ""},
		{"published since", time.Minute, after(3*time.Second, says(200, "now")), true, false, "now"},
		{"down", time.Minute, down, true, true, ""},
		{"failing", time.Minute, says(503, ""), true, true, ""},
		{"down for a month", 30 * 24 * time.Hour, down, true, true, ""},
		{"down for longer", 30*24*time.Hour + 1, down, true, false, ""},
	} {
		for _, status := range []int{404, 410} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHouse(t, says(status, "{}"), DocumentsOptions{})
					if _, _, err := h.get(query); !errors.Is(err, ErrAbsent) {
						t.Fatalf("at first: %v", err)
					}
					time.Sleep(tt.age)
					h.src.set(tt.registry)
					text, _, err := h.get(query)
					unavailable := errors.As(err, new(*Unavailable))
					if text != tt.text || errors.Is(err, ErrAbsent) != tt.absent || unavailable != (!tt.absent && tt.text == "") {
						t.Errorf("got %q, %v", text, err)
					}
					if asked := h.src.requests() > 1; asked != tt.asked {
						t.Errorf("asked again: %v, want %v", asked, tt.asked)
					}
				})
			})
		}
	}
}

func TestInvariant10FailuresAreNeverStored(t *testing.T) {
	for _, status := range []int{204, 206, 302, 304, 400, 401, 403, 429, 500, 502, 503} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, says(status, "no", "Retry-After: 7"), DocumentsOptions{})
			_, _, err := h.get(query)
			u, ok := errors.AsType[*Unavailable](err)
			if !ok || u.RetryAfter != 7*time.Second || u.Connection != "private:test" || errors.Is(err, ErrAbsent) {
				t.Fatalf("status %d: %#v", status, err)
			}
			if s, ok := errors.AsType[StatusError](err); !ok || int(s) != status {
				t.Errorf("status %d: the error says %d", status, s)
			}
			h.wantNothing()
			h.src.set(says(200, "v1"))
			h.want(query, "v1", false) // at once: what was never had has no rest
			time.Sleep(2 * time.Hour)
			h.src.set(says(status, "no"))
			if status != 304 {
				h.want(query, "v1", true)
			}
		})
	}
}

func TestInvariant3OneRequestForAll(t *testing.T) {
	for _, status := range []int{200, 404, 503} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, after(time.Second, says(status, "v1")), DocumentsOptions{})
			var clients sync.WaitGroup
			for range 30 {
				clients.Go(func() {
					if text, _, err := h.get(query); (err == nil) != (status == 200) || (text == "v1") != (status == 200) {
						t.Errorf("status %d: %q, %v", status, text, err)
					}
				})
			}
			clients.Wait()
			h.wantRequests(1)
		})
	}
}

func TestInvariant3ALeavingClientHurtsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, after(10*time.Second, says(200, "v1")), DocumentsOptions{})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := h.Get(ctx, h.src, query); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the client that left got %v", err)
		}
		time.Sleep(20 * time.Second)
		h.want(query, "v1", false)
		h.wantRequests(1)
	})
}

// A registry that hangs makes only the first client wait.
func TestAHangingRegistryIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, says(200, "v1"), DocumentsOptions{})
		h.want(query, "v1", false)
		time.Sleep(2 * time.Hour)
		h.src.set(after(30*time.Second, down))
		for i := range 5 {
			begun := time.Now()
			h.want(query, "v1", true)
			if waited := time.Since(begun); i == 0 && waited != 2*time.Second || i > 0 && waited != 0 {
				t.Errorf("client %d waited %v", i, waited)
			}
		}
		h.wantRequests(2)
	})
}

func TestAFailedRegistryRests(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails func(*http.Request) (*http.Response, error)
		rest  time.Duration
	}{
		{"refused", down, 10 * time.Second},
		{"Retry-After", says(429, "", "Retry-After: 60"), time.Minute},
		{"an open breaker", func(*http.Request) (*http.Response, error) {
			return nil, &connection.Error{Err: errors.New("open"), RetryAfter: 30 * time.Second}
		}, 30 * time.Second},
		{"too long a Retry-After", says(503, "", "Retry-After: 86400"), 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, says(200, "v1"), DocumentsOptions{})
				h.want(query, "v1", false)
				time.Sleep(2 * time.Hour)
				h.src.set(tt.fails)
				h.want(query, "v1", true)
				time.Sleep(tt.rest - 1)
				h.want(query, "v1", true)
				h.wantRequests(2)
				time.Sleep(1)
				h.src.set(says(200, "v2"))
				h.want(query, "v2", false)
			})
		})
	}
}

func TestRefreshAsksAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, says(200, "v1"), DocumentsOptions{})
		h.want(query, "v1", false)
		h.src.set(after(3*time.Second, says(200, "v2")))
		q := query
		q.Refresh = true
		time.Sleep(time.Second - 1)
		h.want(q, "v1", false)
		h.wantRequests(1)
		time.Sleep(1)
		h.want(q, "v2", false) // waits to the end: what the client seeks may be in it
		h.wantRequests(2)
		h.src.set(down)
		time.Sleep(time.Second)
		h.want(q, "v2", true)
	})
}

func TestImmutableAndStoredOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, says(200, "v1"), DocumentsOptions{})
		only, forever := query, query
		only.StoredOnly, forever.Immutable = true, true
		if _, _, err := h.get(only); !errors.Is(err, ErrAbsent) {
			t.Errorf("nothing is stored: %v", err)
		}
		h.wantRequests(0)
		h.want(forever, "v1", false)
		h.src.set(says(200, "v2"))
		time.Sleep(1e5 * time.Hour)
		h.want(only, "v1", false)
		forever.Refresh = true
		h.want(forever, "v1", false)
		h.wantRequests(1)
	})
}

func TestKeysAreApart(t *testing.T) {
	h := newHouse(t, func(r *http.Request) (*http.Response, error) {
		return says(200, r.URL.Path+r.Header.Get("Accept"))(r)
	}, DocumentsOptions{})
	abbreviated, private, other := query, query, query
	abbreviated.Accept = "application/vnd.npm.install-v1+json"
	private.Scope = "hmac"
	other.Path, other.URL = "right-pad", "http://registry.example/right-pad"
	for range 2 {
		h.want(query, "/left-padapplication/json", false)
		h.want(abbreviated, "/left-padapplication/vnd.npm.install-v1+json", false)
		h.want(private, "/left-padapplication/json", false)
		h.want(other, "/right-padapplication/json", false)
	}
	h.wantRequests(4)
}

// What a client's own credential obtained goes with the credential.
func TestInvariant11AForbiddenScopeGetsNoCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, says(200, "v1"), DocumentsOptions{})
		q := query
		q.Scope = "hmac"
		h.want(q, "v1", false)
		time.Sleep(10 * time.Minute)
		h.src.set(says(401, ""))
		h.want(q, "v1", false) // while it is refreshed behind
		synctest.Wait()
		for range 3 {
			if text, _, err := h.get(q); !errors.As(err, new(*Unavailable)) {
				t.Fatalf("got %q, %v", text, err)
			}
		}
	})
}

func TestLostBytesAreFetchedAgain(t *testing.T) {
	h := newHouse(t, says(200, "v1", `ETag: "1"`), DocumentsOptions{})
	h.want(query, "v1", false)
	if err := h.store.Remove(t.Context(), blob.Sum([]byte("v1"))); err != nil {
		t.Fatal(err)
	}
	h.want(query, "v1", false)
	if got := h.src.last().Header.Get("If-None-Match"); got != "" {
		t.Errorf("asked for what we do not have with If-None-Match %s", got)
	}
	h.wantRequests(2)
}

func TestAnOpenDocumentPinsItsBytes(t *testing.T) {
	h := newHouse(t, says(200, "v1"), DocumentsOptions{})
	doc, err := h.Get(t.Context(), h.src, query)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.Remove(t.Context(), doc.Digest); !errors.Is(err, blob.ErrPinned) {
		t.Errorf("removing what is open: %v", err)
	}
	doc.Close()
	if err := h.store.Remove(t.Context(), doc.Digest); err != nil {
		t.Errorf("removing what is closed: %v", err)
	}
}

func TestRefreshesBehindAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, says(200, "v1"), DocumentsOptions{Limit: 2})
		queries := make([]DocumentQuery, 10)
		for i := range queries {
			queries[i] = query
			queries[i].Path = string(rune('a' + i))
			queries[i].URL = "http://registry.example/" + queries[i].Path
			h.want(queries[i], "v1", false)
		}
		time.Sleep(10 * time.Minute)
		h.src.set(after(time.Second, says(200, "v2")))
		for _, q := range queries {
			h.want(q, "v1", false)
		}
		synctest.Wait()
		h.wantRequests(10 + 2)
		urgent := queries[slices.IndexFunc(queries, func(q DocumentQuery) bool { // it waits, until a client needs it
			return h.src.askedFor(q.URL) == 1
		})]
		urgent.Refresh = true
		begun := time.Now()
		h.want(urgent, "v2", false)
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("waited %v for a refresh that was queued", waited)
		}
		time.Sleep(time.Minute)
		h.wantRequests(20)
		for _, q := range queries {
			h.want(q, "v2", false)
		}
	})
}

func TestCloseEndsRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, after(time.Hour, down), DocumentsOptions{})
		go func() {
			time.Sleep(time.Second)
			h.Close()
		}()
		begun := time.Now()
		for range 2 {
			if _, _, err := h.get(query); !errors.As(err, new(*Unavailable)) {
				t.Errorf("got %v", err)
			}
		}
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("the refresh ended after %v", waited)
		}
	})
}

func TestPeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, says(200, "v1"), DocumentsOptions{})
		if _, _, err := h.Peek(t.Context(), h.src.Name(), query); err == nil {
			t.Error("there is something before anything was asked")
		}
		h.want(query, "v1", false)
		rec, until, err := h.Peek(t.Context(), h.src.Name(), query)
		if err != nil || rec.Digest != blob.Sum([]byte("v1")) || until != time.Now().Add(5*time.Minute) {
			t.Errorf("%+v, fresh until %v, %v", rec, until, err)
		}
		h.wantRequests(1)
	})
}
