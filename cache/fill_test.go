package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

func TestInvariant3OneFillPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{})
		d := &download{body: bytesOf(1 << 20), first: 500 * time.Millisecond, last: 2 * time.Second, parts: 16}
		begun := time.Now()
		var clients sync.WaitGroup
		for i := range 100 {
			clients.Go(func() {
				f := y.join(RepositoryID(1+i%3), d)
				if size, contentType, err := f.Head(t.Context()); size != 1<<20 || contentType == "" || err != nil {
					t.Errorf("head: %d, %q, %v", size, contentType, err)
				}
				r := f.Reader(t.Context())
				defer r.Close()
				start := make([]byte, 1)
				if _, err := io.ReadFull(r, start); err != nil {
					t.Error(err)
				}
				if waited := time.Since(begun); waited != d.first {
					t.Errorf("the first byte came after %v, want %v", waited, d.first)
				}
				rest, err := io.ReadAll(r)
				if err != nil {
					t.Error(err)
				}
				same(t, append(start, rest...), d.body)
				if waited := time.Since(begun); waited != d.last {
					t.Errorf("the last byte came after %v, want %v", waited, d.last)
				}
			})
		}
		clients.Wait()
		if d.opens != 1 {
			t.Errorf("the registry was asked %d times", d.opens)
		}
		if len(y.commits) != 1 {
			t.Fatalf("recorded %d times: %v", len(y.commits), y.commits)
		}
		if who := y.commits[0]; len(who) != 3 || !slices.Contains(who, 1) || !slices.Contains(who, 2) || !slices.Contains(who, 3) {
			t.Errorf("recorded for %v, want 1, 2 and 3", who)
		}
		synctest.Wait()
		if n := y.store.count(0); n != 0 {
			t.Errorf("%d spools are still open", n)
		}
	})
}

func TestALateReaderBeginsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{})
		d := &download{body: bytesOf(1 << 20), last: 10 * time.Second, parts: 11}
		y.join(1, d)
		time.Sleep(5*time.Second + 1)
		f := y.join(2, d)
		if n, bytes := y.InFlight(); n != 1 || bytes < 500<<10 {
			t.Errorf("%d fills with %d bytes are in flight", n, bytes)
		}
		begun := time.Now()
		r := f.Reader(t.Context())
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, 500<<10)); err != nil || time.Since(begun) != 0 {
			t.Errorf("what had arrived came after %v, %v", time.Since(begun), err)
		}
		if rest, err := io.ReadAll(r); err != nil || len(rest) != 524<<10 {
			t.Errorf("then %d bytes, %v", len(rest), err)
		}
		if n, _ := y.InFlight(); n != 0 {
			t.Errorf("%d fills are in flight after the end", n)
		}
	})
}

func TestInvariant3AFillOutlivesItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{})
		d := &download{body: bytesOf(1 << 20), first: time.Second, last: 10 * time.Second, parts: 10}
		ctx, leave := context.WithTimeout(t.Context(), 2*time.Second)
		defer leave()
		f, err := y.Join(ctx, "key", 7, d.open, y.commit)
		if err != nil {
			t.Fatal(err)
		}
		r := f.Reader(ctx)
		if _, err := io.ReadAll(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the client that left got %v", err)
		}
		r.Close()
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("a closed reader reads")
		}
		digest, size, err := f.Wait(t.Context())
		if err != nil || digest != blob.Sum(d.body) || size != 1<<20 {
			t.Errorf("the fill ended with %s of %d bytes, %v", digest, size, err)
		}
		synctest.Wait()
		if n := y.store.count(0); n != 0 {
			t.Errorf("%d spools are still open", n)
		}
		late, err := read(f) // from the blob, since the spool is closed
		if err != nil {
			t.Error(err)
		}
		same(t, late, d.body)
	})
}

// sizes are those at which a fill changes its ways.
var sizes = []int{0, 1, tail - 1, tail, tail + 1, 2 * tail, 1 << 20}

func TestSizes(t *testing.T) {
	for _, n := range sizes {
		for _, unknown := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t, FillsOptions{})
				d := &download{body: bytesOf(n), last: 10 * time.Second, parts: 8, unknown: unknown}
				f := y.join(1, d)
				size, _, err := f.Head(t.Context())
				_, ended, _ := y.ended(f)
				if n <= tail && !ended || n >= 2*tail && ended {
					t.Errorf("%d bytes, unknown %v: the fill had ended when the head came: %v", n, unknown, ended)
				}
				if want := int64(n); err != nil || size != want && !(unknown && !ended && size == -1) {
					t.Errorf("%d bytes, unknown %v: the head says %d, %v", n, unknown, size, err)
				}
				got, err := read(f)
				if err != nil {
					t.Error(err)
				}
				same(t, got, d.body)
				stored, err := blobtest.Get(t.Context(), y.store, blob.Sum(d.body))
				if err != nil {
					t.Error(err)
				}
				same(t, stored, d.body)
			})
		}
	}
}

func (y *yard) ended(f *Fill) (blob.Digest, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.digest, f.ended, f.err
}

// Whatever is wrong with a body: it is not stored, no response with it ends cleanly, a small one is an error before the
// first header, and of a large one the end is missing.
func TestInvariant4WrongBytes(t *testing.T) {
	wrong := errors.New("not an archive")
	for _, tt := range []struct {
		name  string
		spoil func(d *download)
		err   error // in the chain
	}{
		{"other bytes", func(d *download) { d.promise = []byte("others") }, blob.ErrCorrupt},
		{"truncated", func(d *download) { d.cut, d.clean = len(d.body)-1, true }, io.ErrUnexpectedEOF},
		{"broken off", func(d *download) { d.cut = len(d.body) - 1 }, errBroken},
		{"more than announced", func(d *download) { d.size = int64(len(d.body)) - 1 }, nil},
		{"not the promised size", func(d *download) { d.promised = int64(len(d.body)) + 1 }, blob.ErrCorrupt},
		{"refused by Check", func(d *download) { d.check = func(io.ReaderAt, int64) error { return wrong } }, wrong},
		{"truncated, no sums", func(d *download) { d.none, d.cut, d.clean = true, len(d.body)-1, true }, io.ErrUnexpectedEOF},
		{"truncated, no size", func(d *download) { d.unknown, d.cut, d.clean = true, len(d.body)-1, true }, blob.ErrCorrupt},
	} {
		for _, n := range []int{100, tail, tail + 2, 1 << 20} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					y := newYard(t, FillsOptions{})
					d := &download{body: bytesOf(n), first: time.Second, last: 2 * time.Second, parts: 8}
					tt.spoil(d)
					f := y.join(1, d)
					_, _, err := f.Head(t.Context())
					if n <= tail && err == nil {
						t.Errorf("%d bytes: headers are sent", n)
					}
					got, err := read(f)
					if u, ok := errors.AsType[*Unavailable](err); !ok || u.Connection != "private:test" || tt.err != nil && !errors.Is(err, tt.err) {
						t.Errorf("%d bytes: the reader ends with %v, want %v", n, err, tt.err)
					}
					if len(got) > max(0, n-tail) {
						t.Errorf("%d of %d bytes are given", len(got), n)
					}
					if _, _, err := f.Wait(t.Context()); err == nil {
						t.Error("the fill ends well")
					}
					wantBlobs(t, y.store, 0)
					if len(y.commits) > 0 {
						t.Error("rows are written")
					}
					synctest.Wait()
					if n := y.store.count(0); n != 0 {
						t.Errorf("%d spools are still open", n)
					}
					f = y.join(1, &download{body: d.body}) // nothing is left of it
					if _, err := read(f); err != nil {
						t.Errorf("the next try: %v", err)
					}
				})
			})
		}
	}
}

func TestCheckSeesAllBytes(t *testing.T) {
	y := newYard(t, FillsOptions{})
	d := &download{body: bytesOf(1 << 20), none: true}
	d.check = func(r io.ReaderAt, size int64) error {
		got, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		same(t, got, d.body)
		return err
	}
	if _, err := read(y.join(1, d)); err != nil {
		t.Error(err)
	}
}

func TestAPromisedSizeStandsInForAnUnknownOne(t *testing.T) {
	for _, more := range []int64{0, 1} {
		y := newYard(t, FillsOptions{})
		d := &download{body: bytesOf(1 << 20), unknown: true, none: true, promised: 1<<20 + more}
		f := y.join(1, d)
		if size, _, err := f.Head(t.Context()); more == 0 && (size != 1<<20 || err != nil) {
			t.Errorf("the head says %d, %v", size, err)
		}
		if _, err := read(f); more == 0 && err != nil || more > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes too few: %v", more, err)
		}
	}
}

func TestRefusalsKeepTheirReason(t *testing.T) {
	y := newYard(t, FillsOptions{})
	d := &download{body: bytesOf(10), check: func(io.ReaderAt, int64) error { return &Refused{Rule: "r"} }}
	_, _, err := y.join(1, d).Head(t.Context())
	if !errors.As(err, new(*Refused)) || errors.As(err, new(*Unavailable)) {
		t.Errorf("got %v", err)
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	y := newYard(t, FillsOptions{})
	f, err := y.Join(t.Context(), "key", 1, func(ctx context.Context) (*FillSource, error) {
		src, err := (&download{body: bytesOf(10)}).open(ctx)
		src.Sums = []Sum{{Algorithm: "crc32"}}
		return src, err
	}, y.commit)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Wait(t.Context()); err == nil {
		t.Error("bytes with a sum that nobody can check are taken")
	}
	wantBlobs(t, y.store, 0)
}

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, clean := range []bool{false, true} {
			y := newYard(t, FillsOptions{})
			d := &download{body: bytesOf(1 << 20), cut: 300_000, clean: clean}
			d.check = func(io.ReaderAt, int64) error { return d.ctx.Err() } // open's context outlives the first response
			var offsets []int64
			d.resumed = func(ctx context.Context, off int64) (io.ReadCloser, error) {
				offsets = append(offsets, off)
				switch len(offsets) {
				case 1:
					return nil, errBroken
				case 2:
					return d.from(ctx, off, 700_000), nil
				}
				return d.from(ctx, off, 0), nil
			}
			got, err := read(y.join(1, d))
			if err != nil {
				t.Error(err)
			}
			same(t, got, d.body)
			if want := []int64{300_000, 300_000, 700_000}; !slices.Equal(offsets, want) {
				t.Errorf("resumed at %d, want %d", offsets, want)
			}
			if d.opens != 1 {
				t.Errorf("opened %d times", d.opens)
			}
		}
	})
}

func TestResumeIsBounded(t *testing.T) {
	for _, progress := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, FillsOptions{})
			d := &download{body: bytesOf(1 << 20), cut: 300_000}
			tries := 0
			d.resumed = func(ctx context.Context, off int64) (io.ReadCloser, error) {
				tries++
				return d.from(ctx, off, 300_000+tries*progress), nil
			}
			got, err := read(y.join(1, d))
			if !errors.Is(err, errBroken) || tries != resumes || len(got) < 300_000 {
				t.Errorf("after %d tries and %d bytes: %v", tries, len(got), err)
			}
			wantBlobs(t, y.store, 0)
		})
	}
}

func TestASilentRegistryIsResumedAndThenGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{Stall: 10 * time.Second})
		d := &download{body: bytesOf(1 << 20), last: time.Hour, parts: 2}
		resumed := 0
		d.resumed = func(ctx context.Context, off int64) (io.ReadCloser, error) {
			resumed++
			body := &slowBody{rest: d.body[off:], part: 1, each: time.Minute, gone: true}
			body.ctx, body.cancel = context.WithCancel(ctx)
			return body, nil
		}
		begun := time.Now()
		_, err := read(y.join(1, d))
		if !errors.Is(err, errStalled) || resumed != resumes || time.Since(begun) > 2*time.Minute {
			t.Errorf("after %v and %d tries: %v", time.Since(begun), resumed, err)
		}
	})
}

func TestAFailedRecordFailsTheFill(t *testing.T) {
	for _, n := range []int{100, 1 << 20} {
		y := newYard(t, FillsOptions{})
		y.err = errors.New("the index is gone")
		f := y.join(1, &download{body: bytesOf(n)})
		if got, err := read(f); !errors.Is(err, y.err) || len(got) > max(0, n-tail) || errors.As(err, new(*Unavailable)) {
			t.Errorf("read %d of %d bytes, %v", len(got), n, err)
		}
	}
}

func TestOpensErrorIsEverybodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{})
		open := func(ctx context.Context) (*FillSource, error) {
			return nil, errors.Join(pause(ctx, time.Second), ErrAbsent)
		}
		var clients sync.WaitGroup
		for range 10 {
			clients.Go(func() {
				f, err := y.Join(t.Context(), "key", 1, open, y.commit)
				if err != nil {
					t.Error(err)
					return
				}
				_, _, head := f.Head(t.Context())
				_, _, wait := f.Wait(t.Context())
				if _, err := read(f); !errors.Is(err, ErrAbsent) || !errors.Is(head, ErrAbsent) || !errors.Is(wait, ErrAbsent) {
					t.Errorf("got %v, %v, %v", err, head, wait)
				}
			})
		}
		clients.Wait()
		wantBlobs(t, y.store, 0)
	})
}

// Who joins while the rows are written is recorded too, before any reader sees the end.
func TestAskersWhileItIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{})
		y.slow = time.Second
		d := &download{body: bytesOf(10)}
		f := y.join(1, d)
		y.join(0, d)
		time.Sleep(time.Second / 2)
		late := y.join(2, d)
		y.join(1, d)
		if late != f {
			t.Error("another fill is begun")
		}
		if _, _, err := f.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if len(y.commits) != 2 || !slices.Equal(y.commits[0], []RepositoryID{1}) || !slices.Equal(y.commits[1], []RepositoryID{2}) {
			t.Errorf("recorded for %v, want [[1] [2]]", y.commits)
		}
	})
}

func TestCloseAndBudgetEndFills(t *testing.T) {
	for _, closing := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, FillsOptions{Budget: time.Minute})
			f := y.join(1, &download{body: bytesOf(1 << 20), last: time.Hour, parts: 1000})
			time.Sleep(time.Second)
			want := errBudget
			if closing {
				y.Close()
				want = errClosed
				if _, err := y.Join(t.Context(), "other", 1, nil, nil); !errors.Is(err, errClosed) {
					t.Errorf("joining what is closed: %v", err)
				}
			}
			if _, err := read(f); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			wantBlobs(t, y.store, 0)
		})
	}
}

func TestFillsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, FillsOptions{Limit: 2})
		d := &download{body: bytesOf(10), first: time.Second}
		begun := time.Now()
		var clients sync.WaitGroup
		for _, key := range []string{"a", "b", "c", "d"} {
			clients.Go(func() {
				f, err := y.Join(t.Context(), key, 1, d.open, y.commit)
				if err == nil {
					_, err = read(f)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n, _ := y.InFlight(); n != 2 {
			t.Errorf("%d fills at once", n)
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if _, err := y.Join(ctx, "e", 1, d.open, y.commit); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that leaves the queue gets %v", err)
		}
		clients.Wait()
		if d.opens != 4 || time.Since(begun) != 2*time.Second {
			t.Errorf("%d downloads in %v, want 4 in 2s", d.opens, time.Since(begun))
		}
	})
}

func BenchmarkFill(b *testing.B) {
	for _, readers := range []int{1, 16} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			y := newYard(b, FillsOptions{})
			d := &download{body: bytesOf(16 << 20)}
			b.SetBytes(int64(readers) * 16 << 20)
			for b.Loop() {
				var clients sync.WaitGroup
				f := y.join(1, d)
				for range readers {
					r := f.Reader(b.Context())
					clients.Go(func() {
						defer r.Close()
						if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); err != nil {
							b.Error(err)
						}
					})
				}
				clients.Wait()
			}
		})
	}
}
