package proxy

import (
	"context"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/auth"
	"entrepot/proxy/forward"
	"entrepot/proxy/lane"
)

// warm holds answers ready to be written, under the request that they answer: the lane finds them without parsing,
// authenticating or deciding anything again. Each remembers under what it was true: the Site, the package's and the
// authority's counters, and a time. When one of them moves on, the answer is unreachable (invariant 8).
type warm struct {
	site    *atomic.Pointer[Site]
	answers *cache.Answers
	seed    [2]maphash.Seed
	metrics *Metrics
	log     func(*lane.Request, *kept, int, int64, time.Duration)
}

// kept is one warm answer.
type kept struct {
	lane.Answer
	request  string // the request it answers, spelled out: a hash alone is not trusted with who may see what
	ticket   ticket
	until    int64       // Unix nanoseconds; 0: no end
	document bool        // a client that insists on a fresh one is not served from here
	entry    entry       // for the access log and the metrics
	head     http.Header // of a 200, for net/http; its values are shared
}

// ticket is what an answer depends on, taken before it is made.
type ticket struct {
	site    *Site
	changes *atomic.Uint64
	change  uint64
	access  *atomic.Uint64
	granted uint64
}

func (e *engine) ticket(c *call) ticket {
	t := ticket{site: c.site, changes: c.domain.Changes.Of(c.want.Package), access: c.site.Authority.Generation()}
	t.change, t.granted = t.changes.Load(), t.access.Load()
	return t
}

func (t *ticket) holds(site *Site) bool {
	return t.site == site && t.changes.Load() == t.change && t.access.Load() == t.granted
}

// spell writes down all of a request that its answer may depend on. Loopback clients may have rights of their own.
func spell(host, target, accept, encoding, authorization []byte, loopback, tls bool, to []byte) []byte {
	flags := byte('-')
	if loopback {
		flags = 'l'
	}
	to = append(to, flags)
	if tls {
		to = append(to, 's')
	}
	for _, field := range [...][]byte{host, target, accept, encoding, authorization} {
		to = append(strconv.AppendInt(to, int64(len(field)), 10), ':')
		to = append(to, field...)
	}
	return to
}

// errand writes down where a request was going that did not come to us, and who the proxy knows its client to be. What it
// begins with no other request does, so that one cannot pass for the other.
func errand(to []byte, going *forward.Visit) []byte {
	if going == nil {
		return to
	}
	to = append(to, 'f')
	to = append(to, going.To.Scheme()...)
	to = append(append(to, ' '), going.To.Host()...)
	if p, ok := going.Who.(*auth.Principal); ok && p != nil {
		to = strconv.AppendInt(append(to, ' '), int64(p.Level), 10)
		to = append(append(to, ' '), p.Name...)
	}
	return append(to, ' ')
}

func (w *warm) key(spelled []byte) [2]uint64 {
	return [2]uint64{maphash.Bytes(w.seed[0], spelled), maphash.Bytes(w.seed[1], spelled)}
}

func newWarm(site *atomic.Pointer[Site], answers *cache.Answers, metrics *Metrics, log func(*lane.Request, *kept, int, int64, time.Duration)) *warm {
	return &warm{site: site, answers: answers, metrics: metrics, seed: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, log: log}
}

// Answer implements lane.Answerer.
func (w *warm) Answer(r *lane.Request) *lane.Answer { return w.answer(r, nil) }

// answer finds the answer for a request that came to us, or was going elsewhere.
func (w *warm) answer(r *lane.Request, going *forward.Visit) *lane.Answer {
	if !plain(r) {
		return nil
	}
	site := w.site.Load()
	remote := r.Remote.Addr()
	if len(site.Trusted) > 0 && site.trusts(remote) {
		return nil // who the client is stands in headers that the lane does not read
	}
	var room [1024]byte
	spelled := spell(r.Host, r.Target, r.Accept, r.AcceptEncoding, r.Authorization, remote.Unmap().IsLoopback(), r.TLS, errand(room[:0], going))
	v, ok := w.answers.Get(w.key(spelled))
	if !ok {
		return nil
	}
	k, ok := v.(*kept)
	switch {
	case !ok, k.request != string(spelled), !k.ticket.holds(site):
		return nil
	case k.until != 0 && time.Now().UnixNano() >= k.until:
		return nil
	case k.document && len(r.CacheControl) > 0:
		return nil
	}
	return &k.Answer
}

// unspelled are headers that answers may depend on and that the key leaves out, because few requests have them. What
// comes with one of them is neither kept nor answered from memory.
var unspelled = []string{"Cookie", "Disable-Module-Fetch", "Proxy-Authorization", "Via", "X-NuGet-ApiKey"}

// plain reports whether the request has nothing that the key leaves out.
func plain(r *lane.Request) bool {
	for _, name := range unspelled {
		if r.Get(name) != nil {
			return false
		}
	}
	return true
}

// Done implements lane.Answerer.
func (w *warm) Done(r *lane.Request, a *lane.Answer, status int, sent int64, took time.Duration) {
	w.log(r, a.Tag.(*kept), status, sent, took)
}

// largestBody is the size up to which a body is kept in memory: below 64 KiB memory beats sendfile, from 256 KiB on
// sendfile wins (performance: 30.8 µs against 35.2 at 64 KiB, 275 against 360 at 1 MiB).
const largestBody = 64 << 10

// keep keeps an answer for the next who asks the same.
func (w *warm) keep(r *http.Request, c *call, a *answer, t ticket) {
	if t.site == nil || !keepable(r, c) {
		return
	}
	until := earliest(a.until, c.principal.Expires)
	if !until.IsZero() && time.Until(until) <= 0 {
		return
	}
	body, err := small(r.Context(), c.domain.Blobs, a)
	if err != nil {
		return
	}
	remote := c.remote.Addr()
	spelled := spell([]byte(r.Host), []byte(r.RequestURI), []byte(r.Header.Get("Accept")), []byte(r.Header.Get("Accept-Encoding")),
		[]byte(r.Header.Get("Authorization")), remote.Unmap().IsLoopback(), r.TLS != nil, errand(nil, c.visit))
	k := &kept{request: string(spelled), ticket: t, document: !a.until.IsZero() && !c.want.Patient, entry: c.entry(w.metrics)}
	if !until.IsZero() {
		k.until = until.UnixNano()
	}
	digest, blobs := a.digest, c.domain.Blobs
	k.head = a.head()
	k.Answer = *lane.NewAnswer(k.head, a.size)
	k.ETags, k.Body, k.Tag = a.tags(), body, k
	k.Open = func() (lane.File, error) { return blobs.Open(context.Background(), digest) }
	const overhead = 1200 // bytes: the structs, the closure and the header
	w.answers.Put(w.key(spelled), k, int64(overhead+len(spelled)+len(k.Header)+len(k.NotModified)+len(k.Partial)+len(body)))
}

// keepable reports whether an answer follows from what the key spells out, and from nothing else.
func keepable(r *http.Request, c *call) bool {
	if len(c.site.Trusted) > 0 || c.principal.Bound() || c.site.Policy.Varies(c.domain.Name, c.repo.Name) {
		return false
	}
	return spelledOut(r)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// small reads a small body into memory; of a larger one it is nil.
func small(ctx context.Context, blobs blob.Store, a *answer) ([]byte, error) {
	if a.body != nil || a.size > largestBody {
		return a.body, nil
	}
	if m, ok := blobs.(interface {
		Bytes(blob.Digest) ([]byte, bool)
	}); ok {
		if b, ok := m.Bytes(a.digest); ok {
			return b, nil
		}
	}
	f, err := blobs.Open(ctx, a.digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body := make([]byte, a.size)
	_, err = f.ReadAt(body, 0)
	return body, err
}

func (a *answer) tags() []string {
	if a.variant == "" {
		return []string{a.etag}
	}
	return []string{a.etag, a.variant}
}

// head is the answer's header as it is from memory.
func (a *answer) head() http.Header {
	h := a.header.Clone()
	h.Set("Etag", a.etag)
	h.Set("Accept-Ranges", "bytes")
	h.Set("X-Cache", "hit")
	return h
}

// matches reports whether an If-None-Match header names a tag (RFC 9110 §13.1.2, weak comparison).
func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimPrefix(strings.TrimSpace(part), "W/"); part == etag {
			return true
		}
	}
	return false
}
