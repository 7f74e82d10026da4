package proxy

import (
	"crypto/sha256"
	"fmt"
	"hash/maphash"
	"io"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
)

// verdict is what rules say about a listing: which versions they refuse, and until when that stays so.
type verdict struct {
	refused [32]byte // digest of the refusals
	until   time.Time
}

// verdicts remembers what rules said about a listing of a certain revision, so that a document that was rendered before
// is found without reading the listing again. What it keeps never changes: another listing, or other rules, have
// another key, and a verdict whose time is over does not count.
type verdicts struct {
	seed [2]maphash.Seed
	kept *cache.Answers
}

func newVerdicts(kept *cache.Answers) *verdicts {
	return &verdicts{seed: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, kept: kept}
}

type verdictKey struct {
	sources, rules [32]byte
	pkg            cache.Package
}

func (v *verdicts) key(k verdictKey) [2]uint64 {
	return [2]uint64{maphash.Comparable(v.seed[0], k), maphash.Comparable(v.seed[1], k)}
}

// judged takes over what the rules said about the same sources before. It reports false if that is not known any more.
func (l *reading) judged(p cache.Package) bool {
	if !l.rules.Touch(p) {
		return true
	}
	kept, ok := l.engine.verdicts.kept.Get(l.engine.verdicts.key(l.verdictKey(p)))
	v, isVerdict := kept.(verdict)
	if !ok || !isVerdict || !v.until.IsZero() && !time.Now().Before(v.until) {
		return false
	}
	l.record.refused = v.refused
	l.record.limit(v.until)
	return true
}

func (l *reading) verdictKey(p cache.Package) verdictKey {
	return verdictKey{sources: [32]byte(l.record.hash.Sum(nil)), rules: l.rules.Fingerprint(), pkg: p}
}

// judge marks the versions of a listing that the rules refuse (invariant 7: on the index).
func (l *reading) judge(listing *cache.Listing) {
	if !l.rules.Touch(listing.Package) {
		return
	}
	h, now := sha256.New(), time.Now()
	var v verdict
	for i := range listing.Versions {
		at := &listing.Versions[i]
		arrival := policy.Arrival{
			Package: listing.Package, Version: at.Version, Published: at.Published, Internal: at.Origin.Internal(),
		}
		d, _ := l.rules.Admit(&arrival, now)
		if d.Allow {
			l.sift(at, arrival, now, h, &v)
			continue
		}
		at.Refused = refusal(d).Error()
		fmt.Fprintf(h, "%q %q\n", at.Version, at.Refused)
		v.until = earliest(v.until, d.Until)
	}
	h.Sum(v.refused[:0])
	l.record.refused = v.refused
	l.record.limit(v.until)
	const cost = 200 // bytes: the verdict and its place in the map
	l.engine.verdicts.kept.Put(l.engine.verdicts.key(l.verdictKey(listing.Package)), v, cost)
}

// sift hides assets of a version that the rules admit, where they came later than it did.
func (l *reading) sift(at *cache.Version, a policy.Arrival, now time.Time, h io.Writer, v *verdict) {
	sifter, ok := l.format.(format.Sifter)
	if !ok {
		return
	}
	left, err := sifter.Sift(at.Raw, func(published time.Time) bool {
		a.Published = published
		d, _ := l.rules.Admit(&a, now)
		if !d.Allow {
			fmt.Fprintf(h, "%q %v\n", at.Version, published)
			v.until = earliest(v.until, d.Until)
		}
		return d.Allow
	})
	if err != nil { // what cannot be read cannot be shown to be admitted
		at.Refused = "its files cannot be read: " + err.Error()
		return
	}
	at.Raw = left
}

// admit decides on a version that is about to be handed out (invariant 7: on the asset).
func (e *engine) admit(rules *policy.Rules, a *policy.Arrival) error {
	d, observed := rules.Admit(a, time.Now())
	if observed != nil {
		e.log.Info().Str("rule", observed.Name).Str("package", a.Package.String()).Str("version", a.Version).Msg("a rule that only observes would have refused")
	}
	if d.Allow {
		return nil
	}
	refused := refusal(d)
	refused.Reason = fmt.Sprintf("%s %s is refused: %s", a.Package.Name, a.Version, d.Reason)
	return refused
}

func refusal(d policy.Decision) *cache.Refused {
	return &cache.Refused{Rule: d.Rule, Reason: d.Reason, Until: d.Until, Login: d.Login}
}

// rules are those of the call's domain.
func (c *call) rules() *policy.Rules { return c.site.Rules[c.domain.Name] }
