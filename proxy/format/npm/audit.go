package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

const (
	maxAudit        = 10 << 20 // the body for 100,000 packages takes some 4 MiB
	maxAuditAnswer  = 64 << 20
	auditLookups    = 8 // packages looked up at a time; each may read a document
	auditBulkPath   = "-/npm/v1/security/advisories/bulk"
	auditQuickPath  = "-/npm/v1/security/audits/quick"
	auditFullPath   = "-/npm/v1/security/audits"
	unknownRegistry = "" // nobody may be asked about the package
)

// auditBulk answers npm audit. A registry is told only the packages that come from it: the names of others, our own
// above all, are nobody's business. Whatever fails is an error, never "no vulnerabilities".
func auditBulk(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	body, err := readBody(r, maxAudit)
	if err != nil {
		return err
	}
	var asked map[string][]string
	if err := json.Unmarshal(body, &asked); err != nil {
		return cache.Invalidf("the body is not valid: %v", err)
	}
	getters, err := auditors(r.Context(), d)
	if err != nil {
		return err
	}
	from, err := whence(r.Context(), d, asked)
	if err != nil {
		return err
	}
	merged := make(map[string]json.RawMessage)
	for _, g := range getters {
		share := make(map[string][]string)
		for name, versions := range asked {
			if from[name] == g.Connection() {
				share[name] = versions
			}
		}
		if len(share) == 0 {
			continue
		}
		advisories, err := askBulk(r.Context(), g, share)
		if err != nil {
			return err
		}
		for name, list := range advisories {
			if _, told := share[name]; told {
				merged[name] = list
			}
		}
	}
	writeJSON(w, http.StatusOK, merged)
	return nil
}

// auditors are the registries that may know of vulnerabilities.
func auditors(ctx context.Context, d format.Desk) ([]format.Getter, error) {
	getters, err := d.Getters(ctx, cache.Package{Format: "npm"})
	if err == nil && len(getters) == 0 {
		return nil, fmt.Errorf("audit is not available: no npm registry is behind this repository: %w", cache.ErrAbsent)
	}
	return getters, err
}

func askBulk(ctx context.Context, g format.Getter, share map[string][]string) (map[string]json.RawMessage, error) {
	b, err := json.Marshal(share)
	if err != nil {
		return nil, err
	}
	b, err = post(ctx, g, auditBulkPath, b)
	if err != nil {
		return nil, err
	}
	var advisories map[string]json.RawMessage
	if err := json.Unmarshal(b, &advisories); err != nil || advisories == nil {
		return nil, &cache.Unavailable{Connection: g.Connection(), Err: errors.New("its answer to the audit is no object of advisories")}
	}
	return advisories, nil
}

// whence finds out which connection each package comes from: that of all its versions. One that has versions of our
// own, that nobody knows, or whose name is none, comes from nowhere.
func whence(ctx context.Context, d format.Desk, asked map[string][]string) (map[string]string, error) {
	var mu sync.Mutex
	from := make(map[string]string, len(asked))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(auditLookups)
	for name := range asked {
		p, err := parseName(name)
		if err != nil {
			continue
		}
		group.Go(func() error {
			l, err := d.Listing(ctx, p)
			if errors.Is(err, cache.ErrAbsent) {
				return nil
			}
			if err != nil {
				return err
			}
			defer l.Close()
			mu.Lock()
			defer mu.Unlock()
			from[name] = connectionOf(l)
			return nil
		})
	}
	return from, group.Wait()
}

func connectionOf(l *cache.Listing) string {
	if internal(l) || len(l.Versions) == 0 {
		return unknownRegistry
	}
	return l.Versions[0].Origin.Connection
}

// auditTree answers the audits of older clients, whose body is the tree of a lockfile. It goes to the first registry,
// without the branches that come from elsewhere and without the project's own name.
func auditTree(w http.ResponseWriter, r *http.Request, view string, d format.Desk) error {
	body, err := readBody(r, maxAudit)
	if err != nil {
		return err
	}
	if err := jsonrange.Bytes(body).End(); err != nil { // and so no deeper than is safe to decode
		return bodyError(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		return cache.Invalidf("the body is not valid: %v", err)
	}
	getters, err := auditors(r.Context(), d)
	if err != nil {
		return err
	}
	asked := make(map[string][]string)
	treeNames(tree, asked)
	from, err := whence(r.Context(), d, asked)
	if err != nil {
		return err
	}
	g := getters[0]
	prune(tree, func(name string) bool { return from[name] == g.Connection() })
	delete(tree, "name")
	delete(tree, "version")
	if body, err = json.Marshal(tree); err != nil {
		return err
	}
	path := auditQuickPath
	if view == "audit-full" {
		path = auditFullPath
	}
	answer, err := post(r.Context(), g, path, body)
	if err != nil {
		return err
	}
	writeRaw(w, answer)
	return nil
}

// nested are the members of a lockfile's tree whose keys are names of packages.
var nested = []string{"dependencies", "requires"}

func treeNames(node map[string]any, names map[string][]string) {
	for _, key := range nested {
		children, _ := node[key].(map[string]any)
		for name, child := range children {
			names[name] = nil
			if child, ok := child.(map[string]any); ok {
				treeNames(child, names)
			}
		}
	}
}

// prune removes what may not be told, everywhere in the tree. A list of names, as in "install", goes too.
func prune(node map[string]any, tell func(name string) bool) {
	for _, key := range []string{"install", "remove"} {
		if list, ok := node[key].([]any); ok {
			node[key] = slices.DeleteFunc(list, func(v any) bool { return true })
		}
	}
	for _, key := range nested {
		children, _ := node[key].(map[string]any)
		for name, child := range children {
			if !tell(name) {
				delete(children, name)
			} else if child, ok := child.(map[string]any); ok {
				prune(child, tell)
			}
		}
	}
}

// post sends a JSON body to a registry and returns its JSON answer.
func post(ctx context.Context, g format.Getter, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("Accept", jsonType)
	return ask(g, r, maxAuditAnswer)
}

// ask sends a request and returns the answer, which must be JSON with status 200: all else is *cache.Unavailable.
func ask(g format.Getter, r *http.Request, limit int64) ([]byte, error) {
	response, err := g.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	b, err := readAnswer(response, limit)
	if err != nil {
		// Not wrapped: what is the client's fault in a body of its own is here the registry's.
		return nil, &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("its answer to %s: %v", r.URL.Path, err)}
	}
	return b, nil
}

func readAnswer(response *http.Response, limit int64) ([]byte, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := gunzip(response.Body, limit)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return b, jsonrange.Bytes(b).End()
}
