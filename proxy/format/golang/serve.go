package golang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// freshQuery is how long the version behind a branch is fresh.
const freshQuery = time.Minute

// Serve answers publishes, queries, and for the checksum databases of the connections.
func (f *Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, _ format.View, d format.Desk) error {
	switch want.View {
	case "":
		return f.publish(w, r, want, d)
	case viewLatest:
		return f.latest(w, r, want, d)
	case viewQuery:
		return f.query(w, r, want, d)
	case viewSupported:
		return f.supported(w, r, want, d)
	}
	return f.sums(w, r, want, d)
}

// query answers with the .info of a branch or commit: of the first connection that knows it. One that cannot be asked
// ends the search, since the next might know something else under that name.
func (f *Format) query(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	escaped, err := module.EscapeVersion(want.Version)
	if err != nil {
		return cache.Invalidf("%v", err)
	}
	// Unlike a version, a query may have characters that mean something in an address.
	escaped = url.PathEscape(escaped)
	b, _, err := askInfo(r.Context(), d, want.Package, format.Query{Path: "/@v/" + escaped + ".info", Fresh: freshQuery})
	if err != nil {
		return err
	}
	return writeInfo(w, r, b)
}

// latest answers with the .info of the highest release, else of the highest pre-release, else of what the connections
// call latest, else of the newest pseudo-version that is held.
func (f *Format) latest(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	l, err := d.Listing(r.Context(), want.Package)
	if err != nil {
		return err
	}
	defer l.Close()
	v := highest(l)
	if v == nil || module.IsPseudoVersion(v.Version) {
		b, i, err := askInfo(r.Context(), d, want.Package, format.Query{Path: "/@latest"})
		if known := l.Version(i.Version); err == nil && known != nil && !visible(known) {
			err = cache.ErrAbsent // a rule hides it
		}
		if err == nil {
			return writeInfo(w, r, b)
		}
		if v == nil {
			return err
		}
	}
	b, err := f.infoOf(r.Context(), d, want.Package, v)
	if err != nil {
		return err
	}
	return writeInfo(w, r, b)
}

// highest returns the version that latest means (go help get, "latest"), or nil.
func highest(l *cache.Listing) *cache.Version {
	var best *cache.Version
	for i := range l.Versions {
		if v := &l.Versions[i]; visible(v) && (best == nil || later(v.Version, best.Version)) {
			best = v
		}
	}
	return best
}

// later reports whether a comes before b in the choice of the latest version: releases, pre-releases, pseudo-versions;
// of each the highest.
func later(a, b string) bool {
	if ra, rb := rank(a), rank(b); ra != rb {
		return ra > rb
	}
	return semver.Compare(a, b) > 0
}

func rank(v string) int {
	switch {
	case module.IsPseudoVersion(v):
		return 0
	case semver.Prerelease(v) != "":
		return 1
	}
	return 2
}

// infoOf returns a version's .info: as it was published here, or as its registry has it. If that is out of reach, the
// version alone is answer enough: the go command asks for the .info anyway.
func (f *Format) infoOf(ctx context.Context, d format.Desk, p cache.Package, v *cache.Version) ([]byte, error) {
	b, err := v.Raw.Append(nil)
	if err != nil || len(b) > 0 {
		return b, err
	}
	escaped, err := module.EscapeVersion(v.Version)
	if err != nil {
		return nil, err
	}
	b, _, err = askInfo(ctx, d, p, format.Query{Path: "/@v/" + escaped + ".info", Immutable: true})
	var down *cache.Unavailable
	if errors.Is(err, cache.ErrAbsent) || errors.As(err, &down) {
		return info{Version: v.Version}.encode(), nil
	}
	return b, err
}

// askInfo asks the connections for an .info; the path of q is relative to the module's root.
func askInfo(ctx context.Context, d format.Desk, p cache.Package, q format.Query) ([]byte, info, error) {
	root, err := rootOf(p)
	if err != nil {
		return nil, info{}, err
	}
	q.Path, q.Max = root+q.Path, maxInfo
	getters, err := d.Getters(ctx, p)
	if err != nil {
		return nil, info{}, err
	}
	for _, g := range getters {
		b, i, err := getInfo(ctx, g, p.Name, q)
		if !errors.Is(err, cache.ErrAbsent) {
			return b, i, err
		}
	}
	return nil, info{}, cache.ErrAbsent
}

func getInfo(ctx context.Context, g format.Getter, mod string, q format.Query) ([]byte, info, error) {
	doc, err := g.Get(ctx, q)
	if err != nil {
		return nil, info{}, err
	}
	defer doc.Close()
	b, err := io.ReadAll(doc.Reader())
	if err != nil {
		return nil, info{}, err
	}
	i, err := parseInfo(mod, b)
	if err != nil {
		return nil, i, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("%s: %w", q.Path, err)}
	}
	return b, i, nil
}

func writeInfo(w http.ResponseWriter, r *http.Request, b []byte) error {
	w.Header().Set("Content-Type", typeJSON)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
	return nil
}
