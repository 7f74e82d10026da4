package cargo

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// viewNativeConfig is a registry's own config.json, for clients that asked the registry itself.
const viewNativeConfig = "native-config"

// Native reads a request to a registry itself. path follows the address of the sparse index, escaped.
func (f Format) Native(r *http.Request, path string) (format.Want, error) {
	want, err := f.Parse(r, path)
	switch {
	case want.Kind == format.Service && want.View == viewConfig:
		want.View = viewNativeConfig
	case want.Kind == format.Service:
		return want, cache.ErrAbsent
	}
	return want, err
}

// Impersonal reports whether a service's answer does not depend on who asks.
func (Format) Impersonal(want format.Want) bool { return want.View == viewNativeConfig }

// Pointed reads a request to a host where registries keep files: …/NAME-VERSION.crate or …/NAME/VERSION/download.
func (Format) Pointed(r *http.Request) (format.Want, error) {
	parts := strings.Split(r.URL.Path, "/")
	name, version := "", ""
	if n := len(parts); n >= 3 && parts[n-1] == "download" {
		name, version = parts[n-3], parts[n-2]
	} else if stem, ok := strings.CutSuffix(path.Base(r.URL.Path), ".crate"); ok {
		for i := range len(stem) - 1 { // a name may have a hyphen and a digit, too: the first that makes a version counts
			if stem[i] == '-' && validVersion(stem[i+1:]) {
				name, version = stem[:i], stem[i+1:]
				break
			}
		}
	}
	if !readable(name) || !validVersion(version) {
		return format.Want{}, cache.ErrAbsent
	}
	p := packageOf(name)
	return format.Want{
		Kind: format.Asset, Package: p, Version: version, Asset: assetName(p, version), ContentType: typeCrate,
	}, allow(r, http.MethodGet)
}

// At returns where a registry's listing says that the file is which Pointed read.
func (f Format) At(l *cache.Listing, want format.Want) (string, error) {
	ref, err := f.Locate(cache.AssetKey{Package: want.Package, Version: want.Version, Asset: want.Asset}, l)
	return ref.URL, err
}

// Hosts are the origins where a registry says that its files are.
func (Format) Hosts(l *cache.Listing) []string {
	head, err := l.Head.Append(nil)
	var c config
	if err != nil || json.Unmarshal(head, &c) != nil {
		return nil
	}
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(c.DL))
	if err != nil {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}

// passConfig answers with the registry's own config.json.
func passConfig(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	getters, err := d.Getters(r.Context(), cache.Package{Format: "cargo"})
	if err != nil {
		return err
	}
	if len(getters) == 0 {
		return cache.ErrAbsent
	}
	doc, err := getters[0].Get(r.Context(), format.Query{Path: "config.json", Max: maxConfig, Fresh: freshConfig})
	if err != nil {
		return err
	}
	defer doc.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	if _, err := io.Copy(w, doc.Reader()); err != nil {
		return errors.Join(http.ErrAbortHandler, err)
	}
	return nil
}
