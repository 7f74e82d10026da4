package registry

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"
)

const abbreviatedType = "application/vnd.npm.install-v1+json"

// abbreviatedKeys are the fields of a version in the abbreviated form (npm's registry API, package metadata).
var abbreviatedKeys = []string{
	"name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies",
	"peerDependencies", "peerDependenciesMeta", "acceptDependencies", "bin", "directories", "dist", "engines", "os", "cpu", "libc",
	"funding", "hasInstallScript", "_hasShrinkwrap",
}

type renderKey struct {
	name, base        string
	abbreviated, gzip bool
}

// packument returns the document of a package in the form that the client asks for, or nil.
func (n *npm) packument(r *request, name string) *file {
	k := renderKey{
		name: name, base: r.base,
		abbreviated: strings.Contains(r.Header.Get("Accept"), abbreviatedType),
		gzip:        strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.packages[name]
	if p == nil {
		return nil
	}
	f := n.rendered[k]
	if f == nil {
		f = p.render(k)
		n.rendered[k] = f
	}
	return f
}

func (p *npmPackage) render(k renderKey) *file {
	versions := make(map[string]any)
	times := map[string]any{"created": stamp(p.versions[0].published), "modified": stamp(p.modified)}
	for _, v := range p.versions {
		versions[v.version] = v.document(p.name, k.base, k.abbreviated)
		times[v.version] = stamp(v.published)
	}
	doc := map[string]any{"name": p.name, "dist-tags": p.tags, "versions": versions}
	contentType := "application/json"
	if k.abbreviated {
		contentType = abbreviatedType
		doc["modified"] = stamp(p.modified)
	} else {
		doc["_id"] = p.name
		doc["time"] = times
		doc["readme"] = "# " + p.name
	}
	b, err := json.Marshal(doc)
	must(err)
	f := newFile(b, contentType, time.Time{})
	if k.gzip {
		f.bytes = gzipped(b)
		f.etag = "W/" + f.etag // a strong one names one representation (RFC 9110 §8.8.3)
	}
	return f
}

// document is the version's manifest as a client at base sees it.
func (v *npmVersion) document(name, base string, abbreviated bool) map[string]any {
	doc := maps.Clone(v.manifest)
	if abbreviated {
		doc = make(map[string]any)
		for _, k := range abbreviatedKeys {
			if x, ok := v.manifest[k]; ok {
				doc[k] = x
			}
		}
	}
	dist := maps.Clone(v.manifest["dist"].(map[string]any))
	dist["tarball"] = base + tarballPath(name, v.version)
	if v.attested {
		dist["attestations"] = map[string]any{
			"url":        base + "-/npm/v1/attestations/" + name + "@" + v.version,
			"provenance": map[string]any{"predicateType": provenance},
		}
	}
	doc["dist"] = dist
	return doc
}

// servePackument answers with a packument, gzip where the client takes it, as npm's registry does.
func (n *npm) servePackument(w http.ResponseWriter, r *request, name string) {
	f := n.packument(r, name)
	if f == nil {
		npmError(w, http.StatusNotFound, "Not found")
		return
	}
	w.Header().Set("Vary", "Accept-Encoding, Accept")
	w.Header().Set("Cache-Control", "public, max-age=300")
	if bytes.HasPrefix(f.bytes, []byte{0x1f, 0x8b}) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", itoa(len(f.bytes)))
	}
	r.Header.Del("Range")
	f.serve(w, r.Request)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func gzipped(b []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(b) // memory does not fail
	w.Close()
	return buf.Bytes()
}
