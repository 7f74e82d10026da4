package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// CrateVersion is what AddCrate takes beside name and version. The zero value is a small crate.
type CrateVersion struct {
	Deps      []map[string]any    // as in an index: name, req …; what is left out has cargo's defaults
	Features  map[string][]string // as in Cargo.toml
	Line      map[string]any      // more keys of the line; nil removes one ("pubtime": nil)
	Files     map[string]string   // more files of the .crate
	Size      int64               // the .crate is filled up to about that many bytes
	Seed      uint64              // of the filling; another seed gives other bytes
	Published time.Time           // zero: an hour after the version before
}

// cargo holds the crates.
type cargo struct {
	mu     sync.Mutex
	crates map[string]*crate // by name in lower case
	dl     string            // template; empty: the one below our own address
	added  int
}

type crate struct {
	name  string
	lines []*crateLine
}

type crateLine struct {
	version string
	line    map[string]any
	file    *file
}

// AddCrate publishes a version; one that exists is replaced. It returns the bytes of the .crate.
func (r *Registry) AddCrate(name, version string, v CrateVersion) []byte {
	data := crateFile(name, version, v)
	sum := sha256.Sum256(data)
	c := r.cargo
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added++
	if v.Published.IsZero() {
		v.Published = epoch.Add(time.Duration(c.added) * time.Hour)
	}
	line := map[string]any{
		"name": name, "vers": version, "deps": crateDeps(v.Deps), "cksum": hex.EncodeToString(sum[:]),
		"features": map[string][]string{}, "yanked": false, "pubtime": v.Published.UTC().Format("2006-01-02T15:04:05Z"),
	}
	if v.Features != nil {
		line["features"] = v.Features
	}
	maps.Copy(line, v.Line)
	maps.DeleteFunc(line, func(_ string, value any) bool { return value == nil })
	added := &crateLine{version, line, newFile(data, "application/gzip", v.Published)}
	key := strings.ToLower(name)
	if c.crates[key] == nil {
		c.crates[key] = &crate{name: name}
	}
	held := c.crates[key]
	if i := held.index(version); i >= 0 {
		held.lines[i] = added
	} else {
		held.lines = append(held.lines, added)
	}
	return data
}

// YankCrate yanks a version, or takes that back.
func (r *Registry) YankCrate(name, version string, yanked bool) {
	r.cargo.mu.Lock()
	defer r.cargo.mu.Unlock()
	c := r.cargo.crates[strings.ToLower(name)]
	c.lines[c.index(version)].line["yanked"] = yanked
}

// RemoveCrate withdraws a crate.
func (r *Registry) RemoveCrate(name string) {
	r.cargo.mu.Lock()
	defer r.cargo.mu.Unlock()
	delete(r.cargo.crates, strings.ToLower(name))
}

// CrateDownloads sets the template that config.json calls "dl"; "" is the one below the registry's own address.
// Whatever it is, files are served below /cargo/files/ under NAME/VERSION, SUM, or NAME-VERSION.crate.
func (r *Registry) CrateDownloads(dl string) {
	r.cargo.mu.Lock()
	defer r.cargo.mu.Unlock()
	r.cargo.dl = dl
}

func (c *crate) index(version string) int {
	return slices.IndexFunc(c.lines, func(l *crateLine) bool { return l.version == version })
}

func crateDeps(deps []map[string]any) []map[string]any {
	out := []map[string]any{}
	for _, d := range deps {
		full := map[string]any{
			"features": []string{}, "optional": false, "default_features": true, "target": nil, "kind": "normal",
		}
		maps.Copy(full, d)
		out = append(out, full)
	}
	return out
}

// crateFile builds a .crate: Cargo.toml, src/lib.rs, the files, and random bytes up to about size.
func crateFile(name, version string, v CrateVersion) []byte {
	files := map[string]string{
		"Cargo.toml": fmt.Sprintf("[package]\nname = %q\nversion = %q\nedition = \"2021\"\n", name, version),
		"src/lib.rs": "",
	}
	maps.Copy(files, v.Files)
	if v.Size > 0 {
		files["filler.bin"] = string(Bytes(v.Size, v.Seed))
	}
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	must(err)
	tw := tar.NewWriter(zw)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		must(tw.WriteHeader(&tar.Header{
			Name: name + "-" + version + "/" + path, Mode: 0o644, Size: int64(len(files[path])), Format: tar.FormatUSTAR,
		}))
		_, err := tw.Write([]byte(files[path]))
		must(err)
	}
	must(tw.Close())
	must(zw.Close())
	return buf.Bytes()
}

// serve answers a request for the sparse index, a file, or a search.
func (c *cargo) serve(w http.ResponseWriter, r *request) {
	path, err := url.PathUnescape(r.path)
	if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	c.find(r, path).serve(w, r.Request)
}

// find returns what stands under a path, or nil.
func (c *cargo) find(r *request, path string) *file {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case path == "config.json":
		dl := c.dl
		if dl == "" {
			dl = r.base + "files"
		}
		return jsonFile(map[string]any{"dl": dl, "api": strings.TrimSuffix(r.base, "/")})
	case path == "api/v1/crates":
		return c.search(r.URL.Query().Get("q"))
	case strings.HasPrefix(path, "files/"):
		return c.file(strings.TrimPrefix(path, "files/"))
	}
	return c.index(path)
}

// index makes a crate's file of the index, or nil.
func (c *cargo) index(path string) *file {
	name := path[strings.LastIndexByte(path, '/')+1:]
	held := c.crates[name]
	if held == nil || path != cratePrefix(name)+name {
		return nil
	}
	var b []byte
	for _, l := range held.lines {
		line, err := json.Marshal(l.line)
		must(err)
		b = append(append(b, line...), '\n')
	}
	return newFile(b, "text/plain; charset=utf-8", time.Time{})
}

// cratePrefix is the folder of a crate in an index, with a slash.
func cratePrefix(name string) string {
	switch {
	case len(name) < 3:
		return fmt.Sprintf("%d/", len(name))
	case len(name) == 3:
		return "3/" + name[:1] + "/"
	}
	return name[:2] + "/" + name[2:4] + "/"
}

// file finds a .crate by what stands behind files/: anything that ends in one of its names.
func (c *cargo) file(path string) *file {
	for _, held := range c.crates {
		for _, l := range held.lines {
			sum, _ := l.line["cksum"].(string)
			for _, name := range []string{
				held.name + "/" + l.version + "/download", held.name + "-" + l.version + ".crate", sum,
			} {
				if sum != "" && strings.HasSuffix("/"+path, "/"+name) {
					return l.file
				}
			}
		}
	}
	return nil
}

func (c *cargo) search(text string) *file {
	results := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.crates)) {
		if held := c.crates[name]; strings.Contains(name, text) {
			last := held.lines[len(held.lines)-1]
			results = append(results, map[string]any{"name": held.name, "max_version": last.version, "description": "a crate"})
		}
	}
	return jsonFile(map[string]any{"crates": results, "meta": map[string]int{"total": len(results)}})
}

func jsonFile(v any) *file {
	b, err := json.Marshal(v)
	must(err)
	return newFile(b, "application/json", time.Time{})
}
