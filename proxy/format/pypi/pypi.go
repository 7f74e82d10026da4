// Package pypi speaks the Python package index's protocol, as pip, uv, poetry, pdm and twine use it: the simple
// repository API (PEP 503, 691, 700 and what followed, version 1.4) as JSON and as HTML, the legacy JSON API, and the
// legacy upload API.
//
// A version of a listing is a release: the files whose names say the same version, in its PEP 440 normal form. A
// version's Raw is its files' objects as JSON has them in "files", with commas between and no brackets around; the
// listing's Head is the rest of the document. What we do not know in either survives. Members whose names begin with an
// underscore are the server's own (PEP 691), and so ours: they are not shown.
//
// The assets of a version are its files, FILE.metadata (core metadata, PEP 658) and FILE.provenance (PEP 740). Links are
// relative and name the version, so that a request says all that there is to know: simple/NAME/VERSION/FILE. Where a
// registry has no core metadata of a wheel, it is made from the wheel, of which only the end and that one member are
// read, so that resolvers need not download wheels.
//
// The list of projects belongs to no package: it is a service, merged in constant memory from the lists of all
// connections (see projects.go).
//
// A release of ours is yanked by POST pypi/NAME/VERSION/yank, with the form value reason if there is one, and unyanked
// by DELETE of the same: PEP 592 says what yanking means, and no document how it is done.
package pypi

import (
	"net/http"
	"strings"

	"entrepot/proxy/format"
)

// Format is the Python package index's protocol. Its zero value is ready.
type Format struct{}

var (
	_ format.Format    = Format{}
	_ format.Servicer  = Format{}
	_ format.Explainer = Format{}
	_ format.Sifter    = Format{}
)

const (
	name = "pypi"

	// apiVersion is the version of the simple repository API that we speak.
	apiVersion = "1.4"
)

// The media types of the simple repository API (PEP 691).
const (
	typeJSON   = "application/vnd.pypi.simple.v1+json"
	typeHTML   = "application/vnd.pypi.simple.v1+html"
	typeLegacy = "text/html"

	typeProvenance = "application/vnd.pypi.integrity.v1+json"
	typeFile       = "application/octet-stream"
	typePlainJSON  = "application/json"
)

// askFor is what we accept of registries: JSON, because only that has times and sizes, else HTML.
const askFor = typeJSON + ", " + typeHTML + ";q=0.2, " + typeLegacy + ";q=0.1"

// What follows a file's name in the names of the assets about it.
const (
	metadataSuffix   = ".metadata"
	provenanceSuffix = ".provenance"
	signatureSuffix  = ".asc"
)

// The views of a project's document.
const (
	viewJSON = "json"
	viewHTML = "html"
)

// Name returns "pypi".
func (Format) Name() string { return name }

// clients are the beginnings of the User-Agent headers of those who speak nothing else.
var clients = []string{"pip/", "uv/", "twine/", "poetry/", "pdm/", "unearth/", "pypi-publish/"}

// Recognise knows the protocol by its media types, its clients' names, and the path of the simple index.
func (Format) Recognise(r *http.Request) bool {
	if strings.Contains(r.Header.Get("Accept"), "application/vnd.pypi.simple.") {
		return true
	}
	agent := strings.ToLower(r.UserAgent())
	for _, client := range clients {
		if strings.HasPrefix(agent, client) {
			return true
		}
	}
	path, ok := strings.CutSuffix(r.URL.Path, "/")
	return ok && strings.HasPrefix(path, "/simple/") && normal(strings.TrimPrefix(path, "/simple/"))
}
