package policy

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"deps.dev/util/semver"

	"entrepot/cache"
)

// Rule says which versions may come in from outside, and be handed out. It never hides what was published inside,
// unless it denies it by name.
type Rule struct {
	Name   string
	Place  string // where it stands: "config.hcl:41"
	Match  []Selector
	Except []Selector

	MinAge      time.Duration // a version is refused until it has been public for that long; 0: any age
	FreezeAfter time.Time     // versions that were published later are refused; zero: none
	Deny        bool          // whatever matches is refused
	Observe     bool          // it is only said what the rule would refuse
}

// Selector is a set of versions: a pattern of packages, and a range of versions in the ecosystem's own order.
type Selector struct {
	text    string
	pattern Pattern
	within  *semver.Constraint // nil: every version
}

// systems are the version orders of the formats that have one.
var systems = map[string]semver.System{
	"npm": semver.NPM, "pypi": semver.PyPI, "maven": semver.Maven, "nuget": semver.NuGet, "cargo": semver.Cargo,
	"ruby": semver.RubyGems, "go": semver.Go,
}

// ParseSelector reads PATTERN or PATTERN@RANGE, such as "/npm//lodash$@<4.17.21".
func ParseSelector(s string) (Selector, error) {
	text, within := s, ""
	if i := strings.LastIndexByte(s, '@'); i > 0 && s[i-1] != '/' {
		text, within = s[:i], s[i+1:]
	}
	pattern, err := ParsePattern(text)
	if err != nil || within == "" {
		return Selector{text: s, pattern: pattern}, err
	}
	system, ok := systems[pattern.format]
	if !ok {
		return Selector{}, fmt.Errorf("pattern %q: versions of %s have no order to make a range of", s, or(pattern.format, "all formats"))
	}
	constraint, err := system.ParseConstraint(within)
	if err != nil {
		return Selector{}, fmt.Errorf("pattern %q: %w", s, err)
	}
	return Selector{s, pattern, constraint}, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s *Selector) has(a *Arrival) bool {
	return s.pattern.level.has(s.pattern.namespace, s.pattern.name, a.Package.Namespace, a.Package.Name) &&
		(s.pattern.level == everything || s.pattern.format == a.Package.Format) &&
		(s.within == nil || s.within.Match(a.Version))
}

// Arrival is a version at the door.
type Arrival struct {
	Package   cache.Package
	Version   string
	Published time.Time // by the registry's word; zero: unknown
	Internal  bool      // it was published into the domain
}

// Rules are a domain's rules, compiled: found by the package's name where they name one, and by its format otherwise.
// Nil has none.
type Rules struct {
	exact       map[cache.Package][]*Rule
	wide        map[string][]*Rule // by format; "": of all formats
	fingerprint [32]byte
}

// NewRules compiles rules. Of several that refuse a version, the first one is named.
func NewRules(rules []Rule) *Rules {
	if len(rules) == 0 {
		return nil
	}
	out := &Rules{exact: map[cache.Package][]*Rule{}, wide: map[string][]*Rule{}}
	h := sha256.New()
	for i := range rules {
		r := &rules[i]
		fmt.Fprintf(h, "%q %d %d %v %v\n", r.Name, r.MinAge, r.FreezeAfter.UnixNano(), r.Deny, r.Observe)
		for _, s := range r.Except {
			fmt.Fprintf(h, "except %q\n", s.text)
		}
		for _, s := range r.Match {
			fmt.Fprintf(h, "match %q\n", s.text)
			out.file(r, s.pattern)
		}
	}
	h.Sum(out.fingerprint[:0])
	return out
}

// file puts a rule where the packages of a pattern are looked up.
func (r *Rules) file(rule *Rule, p Pattern) {
	if p.level == ofName {
		key := cache.Package{Format: p.format, Namespace: p.namespace, Name: p.name}
		r.exact[key] = append(r.exact[key], rule)
		return
	}
	if list := r.wide[p.format]; len(list) == 0 || list[len(list)-1] != rule {
		r.wide[p.format] = append(list, rule)
	}
}

// Touch reports whether a rule may have something to say about the package.
func (r *Rules) Touch(p cache.Package) bool {
	return r != nil && (len(r.exact[p]) > 0 || len(r.wide[p.Format]) > 0 || len(r.wide[""]) > 0)
}

// Fingerprint is the same for rules that decide in the same way.
func (r *Rules) Fingerprint() [32]byte {
	if r == nil {
		return [32]byte{}
	}
	return r.fingerprint
}

// Admit decides whether a version may be listed and handed out now. A refusal by age says until when; what is admitted
// stays so. Observed is the first rule that only observes and would have refused. It does not allocate, but for the text
// of a refusal and for versions in a range.
func (r *Rules) Admit(a *Arrival, now time.Time) (d Decision, observed *Rule) {
	if r == nil {
		return Decision{Allow: true}, nil
	}
	for _, list := range [...][]*Rule{r.exact[a.Package], r.wide[a.Package.Format], r.wide[""]} {
		for _, rule := range list {
			refused := rule.refuses(a, now)
			switch {
			case refused == admitted:
			case rule.Observe:
				if observed == nil {
					observed = rule
				}
			default:
				return rule.refusal(a, refused), observed
			}
		}
	}
	return Decision{Allow: true}, observed
}

// grounds are why a rule refuses a version.
type grounds uint8

const (
	admitted grounds = iota
	denied
	tooYoung
	tooLate
	timeless
)

func (r *Rule) refuses(a *Arrival, now time.Time) grounds {
	if a.Internal && !r.Deny || !anyHas(r.Match, a) || anyHas(r.Except, a) {
		return admitted
	}
	switch {
	case r.Deny:
		return denied
	case a.Published.IsZero() && (r.MinAge > 0 || !r.FreezeAfter.IsZero()):
		return timeless // fails closed: what a registry does not date cannot be shown to be old enough
	case !r.FreezeAfter.IsZero() && a.Published.After(r.FreezeAfter):
		return tooLate
	case r.MinAge > 0 && now.Before(a.Published.Add(r.MinAge)):
		return tooYoung
	}
	return admitted
}

func anyHas(list []Selector, a *Arrival) bool {
	for i := range list {
		if list[i].has(a) {
			return true
		}
	}
	return false
}

func (r *Rule) refusal(a *Arrival, why grounds) Decision {
	d := Decision{Rule: fmt.Sprintf("%s (%s)", r.Name, r.Place)}
	switch why {
	case tooYoung:
		d.Until = a.Published.Add(r.MinAge)
		d.Reason = "it is younger than " + age(r.MinAge)
	case tooLate:
		d.Reason = "it was published after " + r.FreezeAfter.UTC().Format(time.DateOnly)
	case timeless:
		d.Reason = "nobody says when it was published"
	default:
		d.Reason = "it is denied"
	}
	return d
}

// age writes a duration in the unit that people set it in.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "a day"
	case d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}
