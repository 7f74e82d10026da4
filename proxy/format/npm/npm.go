// Package npm speaks the npm registry's protocol, as npm, pnpm, yarn (1 and later) and bun use it.
//
// A package's document, the packument, is read in its full form, because only that has the times of publication, and
// is given out full, abbreviated, or as the manifest of one version. What we do not know in it survives; addresses of
// tarballs and attestations become ours, so that clients come back here for them; versions that rules refuse leave
// the document, with the reason where npm looks for it.
//
// A document of any size is read and written in the memory of its version numbers and of one manifest.
package npm

import (
	"net/http"
	"strings"

	"entrepot/proxy/format"
)

// Format is the npm protocol. Its zero value is ready.
type Format struct{}

var (
	_ format.Format    = Format{}
	_ format.Servicer  = Format{}
	_ format.Explainer = Format{}
)

// Name returns "npm".
func (Format) Name() string { return "npm" }

// Recognise knows npm's clients by their name, their Accept header, and the paths that only this protocol has.
func (Format) Recognise(r *http.Request) bool {
	agent := r.UserAgent()
	for _, client := range []string{"npm/", "pnpm/", "yarn/", "bun/", "npm-registry-fetch/"} {
		if len(agent) >= len(client) && strings.EqualFold(agent[:len(client)], client) {
			return true
		}
	}
	path := r.URL.Path
	return strings.Contains(r.Header.Get("Accept"), abbreviatedType) ||
		strings.HasPrefix(path, "/-/npm/v1/") ||
		strings.Contains(path, "/-/") && strings.HasSuffix(path, ".tgz")
}

// The forms of the packument, and the files of a version.
const (
	fullView        = "full"
	abbreviatedView = "abbreviated"
	versionView     = "version:" // and the version or tag

	abbreviatedType = "application/vnd.npm.install-v1+json"
	jsonType        = "application/json"

	// Tarball is the one file that every version has, under the name that the service gives it.
	Tarball = "package.tgz"
	// Attestations are the statements about how a version was built, in the form of the registry's endpoint.
	Attestations = "attestations.json"
)
