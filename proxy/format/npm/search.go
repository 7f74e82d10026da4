package npm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

const (
	defaultResults = 20
	maxResults     = 250 // the registry's
	maxSearch      = 16 << 20
)

// Finder is what a format.Desk may offer besides: the repository's own packages by their name. Without it, a search
// shows what registries know.
type Finder interface {
	Find(ctx context.Context, text string, limit int) ([]cache.Package, error)
}

// found is one result: the registry's own words, which npm shows.
type found struct {
	name string
	raw  json.RawMessage
}

// search asks the repository itself and every registry behind it, in their order; of a name that several know, the
// first result counts. A registry that fails is named in npm-notice; only if all fail is the search an error.
func search(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	q := r.URL.Query()
	size := clamp(q.Get("size"), defaultResults, maxResults)
	from := clamp(q.Get("from"), 0, maxResults)
	results, total, err := searchAll(r, d, q, from+size)
	if err != nil {
		return err
	}
	if len(results.failed) > 0 {
		w.Header().Set("Npm-Notice", oneLine("not all registries could be searched: "+strings.Join(results.failed, "; ")))
	}
	seen, objects := make(map[string]bool), []json.RawMessage{}
	for _, f := range results.found {
		if !seen[f.name] {
			seen[f.name] = true
			objects = append(objects, f.raw)
		}
	}
	objects = objects[min(from, len(objects)):min(from+size, len(objects))]
	writeJSON(w, http.StatusOK, map[string]any{
		"objects": objects, "total": max(total, len(objects)), "time": time.Now().UTC().Format(timeLayout),
	})
	return nil
}

// clamp reads a number from 0 to most.
func clamp(s string, otherwise, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return otherwise
	}
	return min(n, most)
}

type searched struct {
	found  []found
	failed []string
}

// searchAll gathers the first n results of each place.
func searchAll(r *http.Request, d format.Desk, q url.Values, n int) (s searched, total int, err error) {
	if finder, ok := d.(Finder); ok {
		if s.found, err = searchHere(r.Context(), finder, d, q.Get("text"), n); err != nil {
			return s, 0, err
		}
		total = len(s.found)
	}
	getters, err := d.Getters(r.Context(), cache.Package{Format: "npm"})
	if err != nil {
		return s, 0, err
	}
	q.Set("from", "0")
	q.Set("size", strconv.Itoa(min(n, maxResults)))
	var failures []error
	for _, g := range getters {
		more, known, err := searchThere(r.Context(), g, q)
		if err != nil {
			failures = append(failures, err)
			s.failed = append(s.failed, err.Error())
			continue
		}
		s.found, total = append(s.found, more...), total+known
	}
	if len(getters) > 0 && len(failures) == len(getters) && len(s.found) == 0 {
		return s, 0, errors.Join(failures...)
	}
	return s, total, nil
}

// searchHere describes the repository's own packages by the manifest of their latest version.
func searchHere(ctx context.Context, finder Finder, d format.Desk, text string, n int) ([]found, error) {
	packages, err := finder.Find(ctx, text, n)
	if err != nil {
		return nil, err
	}
	var results []found
	for _, p := range packages {
		l, err := d.Listing(ctx, p)
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		v := resolve(l, "latest")
		if v == nil || v.Refused != "" {
			l.Close()
			continue
		}
		b, err := v.Raw.Append(nil)
		l.Close()
		if err != nil {
			return nil, err
		}
		m, err := readMembers(b)
		if err != nil {
			return nil, err
		}
		object, err := json.Marshal(map[string]any{
			"package": map[string]any{
				"name": fullName(p), "version": v.Version, "description": m.text("description"), "scope": scopeOf(p),
				"date": v.Published.UTC().Format(timeLayout), "links": struct{}{}, "keywords": []string{}, "maintainers": []string{},
			},
			"score": map[string]any{"final": 1, "detail": struct{}{}}, "searchScore": 1,
		})
		if err != nil {
			return nil, err
		}
		results = append(results, found{fullName(p), object})
	}
	return results, nil
}

// scopeOf is a package's scope as search results have it.
func scopeOf(p cache.Package) string {
	if p.Namespace == "" {
		return "unscoped"
	}
	return p.Namespace
}

func searchThere(ctx context.Context, g format.Getter, q url.Values) ([]found, int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "-/v1/search?"+q.Encode(), http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Accept", jsonType)
	b, err := ask(g, r, maxSearch)
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Objects []json.RawMessage `json:"objects"`
		Total   int               `json:"total"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, 0, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("its answer: %w", err)}
	}
	var results []found
	for _, raw := range answer.Objects {
		var object struct{ Package struct{ Name string } }
		if json.Unmarshal(raw, &object) == nil && object.Package.Name != "" {
			results = append(results, found{object.Package.Name, raw})
		}
	}
	return results, answer.Total, nil
}
