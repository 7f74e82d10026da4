package npm

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

const (
	// timeLayout is how the registry writes times: JavaScript's toISOString.
	timeLayout = "2006-01-02T15:04:05.000Z"
	// flushAt is how much is gathered before it is written.
	flushAt = 64 << 10
)

// Encode writes the packument, in full or abbreviated, or one version's manifest. If rules refuse every version there
// is, or the one that is asked for, it is a *cache.Refused; cache.ErrAbsent if there is no such version. Nothing is
// written before such an error.
func (Format) Encode(w io.Writer, l *cache.Listing, view format.View) error {
	e := &encoder{w: w, l: l, rewriter: rewriter{p: l.Package, base: view.Base}}
	switch version, one := strings.CutPrefix(view.Name, versionView); {
	case one:
		return e.manifest(version)
	case view.Name == fullView || view.Name == abbreviatedView:
		e.short = view.Name == abbreviatedView
		return e.packument()
	}
	return fmt.Errorf("npm has no view %q", view.Name)
}

type encoder struct {
	rewriter
	w     io.Writer
	l     *cache.Listing
	short bool
	b     []byte // gathered, not yet written

	restrictions []byte // what the head says of them: a registry above us has rules too
	created      []byte // what the head says of the package's own times
	unpublished  []byte
	named        bool
}

func (e *encoder) manifest(versionOrTag string) error {
	v := resolve(e.l, versionOrTag)
	if v == nil {
		return fmt.Errorf("%s has no version or tag %.100q: %w", fullName(e.p), versionOrTag, cache.ErrAbsent)
	}
	if v.Refused != "" {
		return &cache.Refused{Rule: "the rules for " + fullName(e.p) + " " + v.Version, Reason: v.Refused}
	}
	var err error
	if e.b, err = e.append(e.b, v, false); err != nil {
		return err
	}
	return e.finish()
}

func (e *encoder) packument() error {
	shown, refused := 0, 0
	for i := range e.l.Versions {
		switch v := &e.l.Versions[i]; {
		case visible(v):
			shown++
		case v.Refused != "" && v.Status.Listed():
			refused++
		}
	}
	if len(e.l.Versions) == 0 && e.l.Head.Len == 0 { // all that was published is withdrawn again
		return fmt.Errorf("%s: %w", fullName(e.p), cache.ErrAbsent)
	}
	if shown == 0 && refused > 0 {
		return &cache.Refused{Rule: "the rules for " + fullName(e.p), Reason: reasons(e.l)}
	}
	e.b = append(e.b, '{')
	for _, part := range []func() error{e.head, e.tags, e.versions, e.times, func() error { return e.restricted(refused) }} {
		if err := part(); err != nil {
			return err
		}
	}
	e.b = append(e.b, '}')
	return e.finish()
}

// head copies the package's own members, known or not.
func (e *encoder) head() error {
	if e.l.Head.Len > 0 {
		s := jsonrange.New(e.l.Head.Reader())
		if err := s.Object(func(key []byte) error { return e.headMember(s, string(key)) }); err != nil {
			return fmt.Errorf("the document of %s: %w", fullName(e.p), err)
		}
	}
	if !e.named {
		e.b = jsonrange.AppendMember(e.b, "name", jsonrange.AppendString(nil, fullName(e.p)))
	}
	return nil
}

func (e *encoder) headMember(s *jsonrange.Scanner, key string) error {
	var err error
	switch key {
	case "versions", "dist-tags", "_attachments", "modified":
		return nil
	case "policyRestrictions":
		e.restrictions, err = s.Raw(nil, maxHead)
		return err
	case "time":
		return e.headTime(s)
	case "name":
		e.named = true
	default:
		if e.short {
			return nil
		}
	}
	e.b = jsonrange.AppendKey(e.b, key)
	e.b, err = s.Raw(e.b, maxHead)
	return err
}

func (e *encoder) headTime(s *jsonrange.Scanner) error {
	if s.Kind() != jsonrange.Object {
		return nil
	}
	return s.Object(func(key []byte) error {
		var err error
		switch string(key) {
		case "created":
			e.created, err = s.Raw(nil, maxHead)
		case "unpublished":
			e.unpublished, err = s.Raw(nil, maxHead)
		}
		return err
	})
}

func (e *encoder) tags() error {
	tags := visibleTags(e.l)
	e.b = append(jsonrange.AppendKey(e.b, "dist-tags"), '{')
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		e.b = jsonrange.AppendMember(e.b, tag, jsonrange.AppendString(nil, tags[tag]))
	}
	e.b = append(e.b, '}')
	return nil
}

func (e *encoder) versions() error {
	e.b = append(jsonrange.AppendKey(e.b, "versions"), '{')
	if err := e.each(visible, e.short); err != nil {
		return err
	}
	e.b = append(e.b, '}')
	return nil
}

// each writes the manifests of the versions that are wanted.
func (e *encoder) each(wanted func(*cache.Version) bool, short bool) error {
	first := true
	for i := range e.l.Versions {
		v := &e.l.Versions[i]
		if !wanted(v) {
			continue
		}
		if !first {
			e.b = append(e.b, ',')
		}
		first = false
		e.b = append(jsonrange.AppendString(e.b, v.Version), ':')
		var err error
		if e.b, err = e.append(e.b, v, short); err != nil {
			return fmt.Errorf("%s %s: %w", fullName(e.p), v.Version, err)
		}
		if err := e.spill(); err != nil {
			return err
		}
	}
	return nil
}

// times writes when versions were published. The abbreviated form has them too, which the registry's has not: so that
// clients with a minimum age need not read the full one. A refused version has none: npm then takes it as old enough,
// and comes to the reason for the refusal.
func (e *encoder) times() error {
	e.b = append(jsonrange.AppendKey(e.b, "time"), '{')
	if e.created != nil {
		e.b = jsonrange.AppendMember(e.b, "created", e.created)
	} else {
		e.time("created", oldest(e.l))
	}
	e.time("modified", e.l.Modified)
	for i := range e.l.Versions {
		if v := &e.l.Versions[i]; visible(v) {
			e.time(v.Version, v.Published)
		}
	}
	if e.unpublished != nil {
		e.b = jsonrange.AppendMember(e.b, "unpublished", e.unpublished)
	}
	e.b = append(e.b, '}')
	if e.short { // pnpm decides by it whether it needs more than this form
		e.time("modified", e.l.Modified)
	}
	return e.spill()
}

func oldest(l *cache.Listing) time.Time {
	var first time.Time
	for i := range l.Versions {
		if t := l.Versions[i].Published; !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

func (e *encoder) time(key string, t time.Time) {
	if !t.IsZero() {
		e.b = append(jsonrange.AppendKey(e.b, key), t.UTC().Format(`"`+timeLayout+`"`)...)
	}
}

// restricted writes the refused versions where npm looks last (npm-pick-manifest), so that it says why instead of
// "no matching version".
func (e *encoder) restricted(refused int) error {
	if refused == 0 {
		if e.restrictions != nil {
			e.b = jsonrange.AppendMember(e.b, "policyRestrictions", e.restrictions)
		}
		return nil
	}
	e.b = append(jsonrange.AppendKey(e.b, "policyRestrictions"), `{"message":`...)
	e.b = jsonrange.AppendString(e.b, reasons(e.l))
	e.b = append(e.b, `,"versions":{`...)
	err := e.each(func(v *cache.Version) bool { return v.Refused != "" && v.Status.Listed() }, true)
	e.b = append(e.b, "}}"...)
	return err
}

// reasons says why versions are refused: a line for each reason, with the versions that it is for. The newest come
// first, since they are what people ask for.
func reasons(l *cache.Listing) string {
	const maxLines, maxNamed = 10, 5 // what fits on a terminal
	var order []string
	versions := make(map[string][]string)
	for _, v := range refusedNewestFirst(l) {
		if versions[v.Refused] == nil {
			order = append(order, v.Refused)
		}
		versions[v.Refused] = append(versions[v.Refused], v.Version)
	}
	var lines []string
	for i, reason := range order {
		if i == maxLines {
			lines = append(lines, fmt.Sprintf("… and %d reasons more", len(order)-i))
			break
		}
		named := versions[reason]
		more := ""
		if n := len(named) - maxNamed; n > 0 {
			named, more = named[:maxNamed], fmt.Sprintf(" and %d more", n)
		}
		lines = append(lines, fmt.Sprintf("%s: %s%s", strings.Join(named, ", "), reason, more))
	}
	return strings.Join(lines, "\n")
}

func refusedNewestFirst(l *cache.Listing) []*cache.Version {
	var refused []*cache.Version
	for i := range l.Versions {
		if v := &l.Versions[i]; v.Refused != "" && v.Status.Listed() {
			refused = append(refused, v)
		}
	}
	slices.SortStableFunc(refused, func(a, b *cache.Version) int { return b.Published.Compare(a.Published) })
	return refused
}

// spill writes what is gathered, once it is much. It holds back a byte, by which the next member knows whether it needs
// a comma.
func (e *encoder) spill() error {
	n := len(e.b) - 1
	if n < flushAt {
		return nil
	}
	_, err := e.w.Write(e.b[:n])
	e.b = append(e.b[:0], e.b[n])
	return err
}

func (e *encoder) finish() error {
	_, err := e.w.Write(e.b)
	return err
}
