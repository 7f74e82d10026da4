package cargo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

const (
	// maxConfig bounds a config.json, in bytes. Real ones have some hundred.
	maxConfig = 64 << 10
	// freshConfig is how long a registry's config.json is fresh: where it keeps its files changes rarely.
	freshConfig = time.Hour
)

// config is an index's config.json (Cargo book, "Index Configuration").
type config struct {
	DL           string `json:"dl"`            // where files are, with or without markers
	API          string `json:"api,omitempty"` // root of the web API, without a slash at the end
	AuthRequired bool   `json:"auth-required"` // every request needs a credential
}

// serveConfig answers with our own config.json. Files and API are below the endpoint that the client asked, so that it
// comes back here for them; cargo sends its token to the index and for files only if auth-required says so.
func serveConfig(w http.ResponseWriter, v format.View) error {
	base := strings.TrimSuffix(v.Base, "/")
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, http.StatusOK, config{DL: base + "/" + apiPath, API: base, AuthRequired: v.Private})
	return nil
}

// readConfig reads a registry's config.json.
func readConfig(ctx context.Context, get format.Getter) (*config, error) {
	doc, err := get.Get(ctx, format.Query{Path: "config.json", Max: maxConfig, Fresh: freshConfig})
	if err != nil && !errors.Is(err, cache.ErrAbsent) && !errors.Is(err, cache.ErrTooLarge) {
		return nil, err
	}
	bad := func(err error) error {
		return &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("config.json: %v", err)} // not %w: ErrAbsent would be about the crate
	}
	if err != nil {
		return nil, bad(err) // what has none is no sparse index: that says nothing about a crate
	}
	defer doc.Close()
	b, err := io.ReadAll(doc.Reader())
	if err != nil {
		return nil, err
	}
	c := new(config)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, bad(err)
	}
	if err := webAddress(c.DL); err != nil {
		return nil, bad(fmt.Errorf("dl: %w", err))
	}
	return c, nil
}

// webAddress accepts what files may be fetched from.
func webAddress(address string) error {
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(address))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%.200q is no address of the web", address)
	}
	return nil
}

var markers = []string{"{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}"}

// download fills in the template that dl is: without any marker, /{crate}/{version}/download follows it.
func (c *config) download(e *entry) string {
	dl := c.DL
	if !slices.ContainsFunc(markers, func(m string) bool { return strings.Contains(dl, m) }) {
		dl = strings.TrimSuffix(dl, "/") + "/{crate}/{version}/download"
	}
	return strings.NewReplacer(
		"{crate}", e.name, "{version}", e.version,
		"{prefix}", prefix(e.name), "{lowerprefix}", prefix(strings.ToLower(e.name)),
		"{sha256-checksum}", e.cksum,
	).Replace(dl)
}
