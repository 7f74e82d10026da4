// Package cargo speaks the protocol of Rust's registries: the sparse index and the web API (the Cargo book, "Registry
// Index" and "Registry Web API").
//
// A crate is the package cargo//NAME, in lower case, because that is how index files are addressed; the spelling of its
// own stands in its lines and in addresses of its files. "-" and "_" stay apart in names, as they do in the index, but
// no crate may be published here beside one of the same name but for them, as on the public registry. A version is
// known by its whole number; two that differ in build metadata alone are not both published. It has one asset,
// NAME-VERSION.crate.
//
// A version's metadata is its line of the index, byte for byte: keys that we do not know survive. Of what was published
// here, whether it is yanked is its status (Unlisted), not its line.
//
// It guarantees that a .crate has the SHA-256 that its line promises, and of what is published here, that its
// Cargo.toml says the name and version of its line.
package cargo

import (
	"net/http"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Format is the cargo protocol. Its zero value is ready.
type Format struct{}

var (
	_ format.Format     = Format{}
	_ format.Servicer   = Format{}
	_ format.Explainer  = Format{}
	_ format.Challenger = Format{}
)

// The views of a Want.
const (
	viewIndex   = "index"   // Document: the lines of a crate
	viewConfig  = "config"  // Service: where this registry's parts are
	viewPublish = "publish" // Service: a new version; its name stands in the body
	viewYank    = "yank"    // Service
	viewUnyank  = "unyank"  // Service
	viewOwners  = "owners"  // Service: GET, PUT and DELETE
	viewSearch  = "search"  // Service
	viewMe      = "me"      // Service: how to come by a token
)

const (
	typeIndex = "text/plain; charset=utf-8"
	typeJSON  = "application/json"
	typeCrate = "application/gzip"
)

// Name returns "cargo".
func (Format) Name() string { return "cargo" }

// Recognise knows cargo by its name, and the paths that only this protocol has.
func (Format) Recognise(r *http.Request) bool {
	if agent := r.UserAgent(); strings.HasPrefix(agent, "cargo/") || strings.HasPrefix(agent, "cargo ") {
		return true
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if strings.Contains("/"+path, "/api/v1/crates") {
		return true
	}
	segments := strings.Split(path, "/")
	for len(segments) >= 2 { // the index may stand behind a path of the registry's own
		if _, ok := indexed(segments); ok {
			return true
		}
		segments = segments[1:]
	}
	return false
}

// packageOf is the package of a crate, however its name is spelled.
func packageOf(crate string) cache.Package {
	return cache.Package{Format: "cargo", Name: strings.ToLower(crate)}
}

// assetName is the name of a version's only file.
func assetName(p cache.Package, version string) string { return p.Name + "-" + version + ".crate" }
