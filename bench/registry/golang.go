package registry

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// golang holds the modules, and the checksum database over them.
type golang struct {
	sumName string
	skey    string
	vkey    string

	mu      sync.Mutex
	sums    *sumdb.Server
	modules map[string]*goModule
	unlogs  map[string]bool // modules that the checksum database refuses
	added   int
}

type goModule struct {
	versions map[string]*goVersion
	queries  map[string]string // branch or commit to version
}

type goVersion struct {
	version        string
	info, mod, zip *file
	sums           []byte // lines of go.sum
}

// AddModule adds a version with its files by name; without a go.mod it gets one. A version that exists is replaced, but
// the checksum database keeps what it once gave out. It panics on names and versions that Go does not allow.
func (r *Registry) AddModule(path, version string, files map[string]string) {
	if _, ok := files["go.mod"]; !ok {
		all := map[string]string{"go.mod": "module " + path + "\n\ngo 1.21\n"}
		maps.Copy(all, files)
		files = all
	}
	g := r.golang
	g.mu.Lock()
	defer g.mu.Unlock()
	g.added++
	modified := epoch.Add(time.Duration(g.added) * time.Hour)
	v := newGoVersion(module.Version{Path: path, Version: version}, files, modified)
	g.module(path).versions[version] = v
}

// QueryModule makes a branch or commit answer with a version.
func (r *Registry) QueryModule(path, query, version string) {
	r.golang.mu.Lock()
	defer r.golang.mu.Unlock()
	r.golang.module(path).queries[query] = version
}

// RemoveModule withdraws a version; an empty version withdraws the module.
func (r *Registry) RemoveModule(path, version string) {
	g := r.golang
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.modules[path]; m != nil {
		delete(m.versions, version)
		if version == "" || len(m.versions) == 0 {
			delete(g.modules, path)
		}
	}
}

// CorruptModule replaces the bytes of one file of a version ("zip", "mod" or "info"), whatever they are.
func (r *Registry) CorruptModule(path, version, ext string, b []byte) {
	r.golang.mu.Lock()
	defer r.golang.mu.Unlock()
	*r.golang.modules[path].versions[version].file(ext) = *newFile(b, "application/octet-stream", epoch)
}

// module returns a module, made if needed. The caller holds the lock.
func (g *golang) module(path string) *goModule {
	if g.modules == nil {
		g.modules = make(map[string]*goModule)
	}
	m := g.modules[path]
	if m == nil {
		m = &goModule{versions: make(map[string]*goVersion), queries: make(map[string]string)}
		g.modules[path] = m
	}
	return m
}

// find returns a version, or nil.
func (g *golang) find(path, version string) *goVersion {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.modules[path]
	if m == nil {
		return nil
	}
	if v := m.queries[version]; v != "" {
		version = v
	}
	return m.versions[version]
}

// list returns the versions of a module in order, without pseudo-versions, and the latest one.
func (g *golang) list(path string) (listed []string, latest *goVersion) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.modules[path]
	if m == nil {
		return nil, nil
	}
	var all []string
	for v := range m.versions {
		all = append(all, v)
		if !module.IsPseudoVersion(v) {
			listed = append(listed, v)
		}
	}
	semver.Sort(listed)
	slices.SortFunc(all, func(a, b string) int {
		// Releases come before pre-releases, and those before pseudo-versions.
		rank := func(v string) int {
			switch {
			case module.IsPseudoVersion(v):
				return 0
			case semver.Prerelease(v) != "":
				return 1
			}
			return 2
		}
		if ra, rb := rank(a), rank(b); ra != rb {
			return ra - rb
		}
		return semver.Compare(a, b)
	})
	if len(all) == 0 {
		return nil, nil
	}
	return listed, m.versions[all[len(all)-1]]
}

func newGoVersion(m module.Version, files map[string]string, modified time.Time) *goVersion {
	info, err := json.Marshal(map[string]any{"Version": m.Version, "Time": modified})
	must(err)
	var buf bytes.Buffer
	must(modzip.Create(&buf, m, zipFiles(files)))
	zr, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	must(err)
	zipSum, err := hashZip(zr)
	must(err)
	mod := []byte(files["go.mod"])
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(mod)), nil
	})
	must(err)
	name := m.Path + " " + m.Version
	return &goVersion{
		version: m.Version,
		info:    newFile(info, "application/json", modified),
		mod:     newFile(mod, "text/plain; charset=utf-8", modified),
		zip:     newFile(buf.Bytes(), "application/zip", modified),
		sums:    []byte(name + " " + zipSum + "\n" + name + "/go.mod " + modSum + "\n"),
	}
}

// hashZip is the "h1:" sum of a module zip.
func hashZip(z *zip.Reader) (string, error) {
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return z.Open(name) })
}

// file returns where the version keeps the file of that extension, or nil.
func (v *goVersion) file(ext string) *file {
	switch ext {
	case "info":
		return v.info
	case "mod":
		return v.mod
	case "zip":
		return v.zip
	}
	return nil
}

func zipFiles(files map[string]string) []modzip.File {
	var l []modzip.File
	for name, body := range files {
		l = append(l, zipFile{name, body})
	}
	slices.SortFunc(l, func(a, b modzip.File) int {
		if a.Path() < b.Path() {
			return -1
		}
		return 1
	})
	return l
}

// zipFile is a file of a module, for modzip.Create.
type zipFile struct{ name, body string }

func (f zipFile) Path() string                { return f.name }
func (f zipFile) Lstat() (os.FileInfo, error) { return zipInfo{f}, nil }
func (f zipFile) Open() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewBufferString(f.body)), nil
}

type zipInfo struct{ f zipFile }

func (i zipInfo) Name() string       { return i.f.name }
func (i zipInfo) Size() int64        { return int64(len(i.f.body)) }
func (i zipInfo) Mode() fs.FileMode  { return 0o644 }
func (i zipInfo) ModTime() time.Time { return epoch }
func (i zipInfo) IsDir() bool        { return false }
func (i zipInfo) Sys() any           { return nil }
