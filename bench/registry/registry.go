// Package registry is a fake package registry, for tests and for the benchmark.
//
// It serves npm, Go, Cargo, Maven and PyPI from memory, byte for byte the same in every run: what is added in code is built from names,
// sizes and seeds. It misbehaves on demand (see Fault), asks for credentials on demand (see Require), and remembers
// every request that reached it (see Log). It is safe for concurrent use, and knows nothing of the rooms it tests.
package registry

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options say where a registry serves its protocols. The zero value serves each below its own name: /npm/, /go/ …
type Options struct {
	NPMPath   string // starts and ends in "/"; "" is "/npm/"
	GoPath    string // starts and ends in "/"; "" is "/go/"
	SumDBName string // name of the checksum database; "" is "sumdb.example"
	CargoPath string // starts and ends in "/"; "" is "/cargo/"
	MavenPath string // starts and ends in "/"; "" is "/maven/"
	PyPIPath  string // starts and ends in "/"; "" is "/pypi/"; the simple index is at simple/ below it
}

// Registry is a fake registry. Make one with New; serve it with Start, Listen, Serve or as an http.Handler.
type Registry struct {
	mounts []mount // of the protocols
	npm    *npm
	golang *golang
	cargo  *cargo
	maven  *maven
	pypi   *pypi
	record recorder

	mu     sync.Mutex
	faults []*fault
	guards []guard
}

type mount struct {
	prefix  string
	handler func(w http.ResponseWriter, r *request)
}

// request is a request with what follows the protocol's prefix: the escaped path without a leading slash.
type request struct {
	*http.Request
	base string // address of the protocol's root as the client knows it, ending in "/"
	path string
}

// epoch is when the registry's world begins: content gets times from here on, so that it is the same in every run.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// New returns an empty registry.
func New(o Options) *Registry {
	if o.NPMPath == "" {
		o.NPMPath = "/npm/"
	}
	if o.GoPath == "" {
		o.GoPath = "/go/"
	}
	if o.SumDBName == "" {
		o.SumDBName = "sumdb.example"
	}
	if o.CargoPath == "" {
		o.CargoPath = "/cargo/"
	}
	if o.MavenPath == "" {
		o.MavenPath = "/maven/"
	}
	if o.PyPIPath == "" {
		o.PyPIPath = "/pypi/"
	}
	r := &Registry{npm: newNPM(), golang: newGolang(o.SumDBName), cargo: &cargo{crates: make(map[string]*crate)},
		maven: &maven{files: make(map[string]*file), artifacts: make(map[string]*mavenList)},
		pypi:  &pypi{projects: make(map[string]*pypiProject)}}
	r.mounts = []mount{{o.NPMPath, r.npm.serve}, {o.GoPath, r.golang.serve}, {o.CargoPath, r.cargo.serve}, {o.MavenPath, r.maven.serve},
		{o.PyPIPath, r.pypi.serve}}
	return r
}

// ServeHTTP records the request, and answers it as the faults, the guards and then the content of its path say.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rw := r.record.begin(w, req)
	defer r.record.end(rw)
	if !r.admits(rw, req) {
		return
	}
	if f := r.faultFor(req); f != nil {
		f.serve(rw, req, r.answer)
		return
	}
	r.answer(rw, req)
}

// answer serves from the protocol with the longest prefix.
func (r *Registry) answer(w http.ResponseWriter, req *http.Request) {
	path := req.URL.EscapedPath()
	var m mount
	for _, c := range r.mounts {
		if strings.HasPrefix(path, c.prefix) && len(c.prefix) > len(m.prefix) {
			m = c
		}
	}
	if m.handler == nil {
		http.NotFound(w, req)
		return
	}
	m.handler(w, &request{req, baseURL(req) + m.prefix, strings.TrimPrefix(path, m.prefix)})
}

// baseURL is the address under which the client knows this server, without a path.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// matches reports whether a request fits a pattern: a path as it was sent, where "*" stands for any characters, slashes
// too; after a method and a space, that method only. "" and "*" fit all.
func matches(pattern, method, path string) bool {
	if m, p, ok := strings.Cut(pattern, " "); ok {
		if m != method {
			return false
		}
		pattern = p
	}
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return path == pattern
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(path) < len(first)+len(last) || !strings.HasPrefix(path, first) || !strings.HasSuffix(path, last) {
		return false
	}
	rest := path[len(first) : len(path)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return true
}
