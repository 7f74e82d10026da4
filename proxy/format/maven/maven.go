// Package maven speaks the Maven 2 repository layout, for Maven, Gradle, sbt and whoever else reads or deploys with it
// (https://maven.apache.org/repositories/layout.html, https://maven.apache.org/repositories/metadata.html).
//
// An artifact is the package maven/GROUPID/ARTIFACTID, and its files are assets under their own names. Checksum files
// are no assets: they are made from the bytes that are served, of artifacts and of documents alike. A build of a
// snapshot is a version of its own, 1.0-20210728.194552-1, and immutable; 1.0-SNAPSHOT stands for the newest of them.
//
// A path PATH/maven-metadata.xml lists the versions of the artifact PATH and the plugin prefixes of the group PATH: the
// two cannot be told apart, and registries keep them in one document. So prefixes are the head of the package's listing.
// They are merged along the walk, and do not make a name private as versions do: who deploys a plugin into the group of
// a public one still finds the others.
//
// It guarantees that metadata is always made here, from what is stored and from what registries list, so that parallel
// deploys lose nothing; that a version is listed when its metadata came, and not before; and that a file whose uploaded
// checksum does not match is not published.
package maven

import (
	"net/http"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Format is the Maven layout. It is safe for concurrent use.
type Format struct{}

var (
	_ format.Format    = Format{}
	_ format.Servicer  = Format{}
	_ format.Direct    = Format{}
	_ format.Promiser  = Format{}
	_ format.Annotator = Format{}
)

// Name returns "maven".
func (Format) Name() string { return "maven" }

// Direct says that Locate needs no listing: a version that no metadata lists is to be had all the same.
func (Format) Direct() {}

// Recognise reports whether a request is of the Maven layout: for metadata, or for a file whose name begins with the
// artifact and the version that its directories name.
func (Format) Recognise(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut:
	default:
		return false
	}
	segments, err := split(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err != nil || len(segments) < 2 {
		return false
	}
	file, _ := cutSum(segments[len(segments)-1])
	if file == metadataFile {
		return true
	}
	if len(segments) < 4 {
		return false
	}
	name, version := segments[len(segments)-3], segments[len(segments)-2]
	return strings.HasPrefix(file, name+"-"+strings.TrimSuffix(version, snapshot)) && strings.Contains(file, ".")
}

// contentTypes are those of the files that clients do not take for what they are whatever the type says.
var contentTypes = map[string]string{
	"jar": "application/java-archive", "war": "application/java-archive", "ear": "application/java-archive",
	"pom": "text/xml", "xml": "text/xml",
	"module": "application/json", "json": "application/json",
	"zip": "application/zip", "gz": "application/gzip",
	"asc": "text/plain; charset=utf-8",
}

func contentType(file string) string {
	if t := contentTypes[file[strings.LastIndexByte(file, '.')+1:]]; t != "" {
		return t
	}
	return "application/octet-stream"
}

const typeText = "text/plain; charset=utf-8"

// Annotate sends an asset's checksums along, as the public registry does: Maven from 3.9 on then asks for no checksum
// file.
func (Format) Annotate(h http.Header, a cache.Asset) {
	for _, algorithm := range algorithms {
		if sum := sumOf(a, algorithm); sum != nil {
			h["X-Checksum-"+headerCase(algorithm)] = []string{hexOf(sum)}
		}
	}
}
