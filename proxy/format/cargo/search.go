package cargo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

const (
	defaultResults = 10  // cargo's
	maxResults     = 100 // the protocol's
	maxSearch      = 16 << 20
)

// Finder is what a format.Desk may offer besides: the repository's own packages by their name. Without it, a search
// shows what registries know.
type Finder interface {
	Find(ctx context.Context, text string, limit int) ([]cache.Package, error)
}

// found is one result.
type found struct {
	Name        string `json:"name"`
	MaxVersion  string `json:"max_version"`
	Description string `json:"description"`
}

// search asks the repository itself and every registry behind it, in their order; of a name that several know, the
// first result counts. Only if all fail is the search an error.
func search(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	q := r.URL.Query()
	n, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || n < 1 {
		n = defaultResults
	}
	n = min(n, maxResults)
	results, total, err := searchAll(r.Context(), d, q.Get("q"), n)
	if err != nil {
		return err
	}
	seen, crates := make(map[string]bool), []found{}
	for _, f := range results {
		if name := strings.ToLower(f.Name); !seen[name] && len(crates) < n {
			seen[name] = true
			crates = append(crates, f)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"crates": crates, "meta": map[string]int{"total": max(total, len(crates))},
	})
	return nil
}

func searchAll(ctx context.Context, d format.Desk, text string, n int) (results []found, total int, err error) {
	if finder, ok := d.(Finder); ok {
		if results, err = searchHere(ctx, finder, d, text, n); err != nil {
			return nil, 0, err
		}
		total = len(results)
	}
	getters, err := d.Getters(ctx, cache.Package{Format: "cargo"})
	if err != nil {
		return nil, 0, err
	}
	var failures []error
	for _, g := range getters {
		more, known, err := searchThere(ctx, g, text, n)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		results, total = append(results, more...), total+known
	}
	if len(getters) > 0 && len(failures) == len(getters) && len(results) == 0 {
		return nil, 0, errors.Join(failures...)
	}
	return results, total, nil
}

// searchHere describes the repository's own packages.
func searchHere(ctx context.Context, finder Finder, d format.Desk, text string, n int) ([]found, error) {
	packages, err := finder.Find(ctx, text, n)
	if err != nil {
		return nil, err
	}
	var results []found
	for _, p := range packages {
		if p.Format != "cargo" {
			continue
		}
		l, err := d.Listing(ctx, p)
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		head, err := l.Head.Append(nil)
		newest := highest(l)
		l.Close()
		if err != nil {
			return nil, err
		}
		if c := readAbout(head); newest != "" {
			results = append(results, found{Name: or(c.Name, p.Name), MaxVersion: newest, Description: c.Description})
		}
	}
	return results, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// highest is the version that a new dependency would get; empty if there is none.
func highest(l *cache.Listing) string {
	best := ""
	for i := range l.Versions {
		v := &l.Versions[i]
		if v.Refused == "" && v.Status.Listed() && (best == "" || compare(v.Version, best) > 0) {
			best = v.Version
		}
	}
	return best
}

// searchThere asks a registry's web API.
func searchThere(ctx context.Context, g format.Getter, text string, n int) ([]found, int, error) {
	c, err := readConfig(ctx, g)
	if err != nil {
		return nil, 0, err
	}
	if c.API == "" {
		return nil, 0, nil // a registry without one
	}
	q := url.Values{"q": {text}, "per_page": {strconv.Itoa(n)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.API, "/")+"/"+apiPath+"?"+q.Encode(), http.NoBody)
	if err != nil {
		return nil, 0, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("its api: %w", err)}
	}
	r.Header.Set("Accept", typeJSON)
	resp, err := g.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
		return nil, 0, nil // a registry that cannot be searched, as many mirrors
	}
	var answer struct {
		Crates []found
		Meta   struct{ Total int }
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxSearch))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answered %s", resp.Status)
	}
	if err == nil {
		err = json.Unmarshal(b, &answer)
	}
	if err != nil {
		return nil, 0, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("search: %w", err)}
	}
	return answer.Crates, answer.Meta.Total, nil
}
