package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func newGolang(sumName string) *golang {
	skey, vkey, err := note.GenerateKey(rand.Reader, sumName)
	must(err)
	g := &golang{sumName: sumName, skey: skey, vkey: vkey, unlogs: make(map[string]bool)}
	g.sums = newSums(g)
	return g
}

func newSums(g *golang) *sumdb.Server {
	return sumdb.NewServer(sumOps{sumdb.NewTestServer(g.skey, g.gosum)})
}

// sumOps is a TestServer that does not have the tiles that its log is too short for. (It panics by itself.)
type sumOps struct{ *sumdb.TestServer }

func (o sumOps) ReadTileData(ctx context.Context, t tlog.Tile) (b []byte, err error) {
	defer func() {
		if recover() != nil {
			b, err = nil, fs.ErrNotExist
		}
	}()
	return o.TestServer.ReadTileData(ctx, t)
}

// ForkSumDB gives the checksum database another history from here on: it forgets its log and goes on signing with the
// same key, which is what clients must notice.
func (r *Registry) ForkSumDB() {
	g := r.golang
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sums = newSums(g)
}

// SumDBKey is the verifier key of the checksum database: "NAME+HASH+KEY", as GOSUMDB takes it. The database stands at
// sumdb/NAME below the Go path, both for a proxy and for GOSUMDB="KEY URL".
// The key is another one in every run, and the go command remembers trees in GOPATH/pkg/sumdb: give it a GOPATH of its own.
func (r *Registry) SumDBKey() string { return r.golang.vkey }

// Unlog makes the checksum database deny a module, as it does private ones.
func (r *Registry) Unlog(path string) {
	r.golang.mu.Lock()
	defer r.golang.mu.Unlock()
	r.golang.unlogs[path] = true
}

// gosum returns what the checksum database records of a version.
func (g *golang) gosum(path, version string) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.modules[path]; m != nil && m.versions[version] != nil {
		return m.versions[version].sums, nil
	}
	return nil, fs.ErrNotExist
}

// serve answers a request of the module proxy protocol (go help goproxy).
func (g *golang) serve(w http.ResponseWriter, r *request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	path, err := url.PathUnescape(r.path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if rest, ok := strings.CutPrefix(path, "sumdb/"); ok {
		g.serveSums(w, r, rest)
		return
	}
	path = strings.TrimPrefix(path, "cached-only/")
	f, err := g.lookup(path)
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, fs.ErrNotExist) {
			status = http.StatusNotFound
		}
		http.Error(w, "not found: "+err.Error(), status)
		return
	}
	f.serve(w, r.Request)
}

// lookup returns the file at a path of the protocol.
func (g *golang) lookup(path string) (*file, error) {
	escaped, rest, ok := strings.Cut(path, "/@")
	if !ok {
		return nil, fs.ErrNotExist
	}
	mod, err := module.UnescapePath(escaped)
	if err != nil {
		return nil, err
	}
	listed, latest := g.list(mod)
	if latest == nil {
		return nil, fs.ErrNotExist
	}
	switch rest {
	case "latest":
		return latest.info, nil
	case "v/list":
		return newFile([]byte(strings.Join(append(slices.Clone(listed), ""), "\n")), "text/plain; charset=utf-8", latest.zip.modified), nil
	}
	name, ok := strings.CutPrefix(rest, "v/")
	dot := strings.LastIndexByte(name, '.')
	if !ok || dot < 0 {
		return nil, fs.ErrNotExist
	}
	version, err := module.UnescapeVersion(name[:dot])
	if err != nil {
		return nil, err
	}
	if v := g.find(mod, version); v != nil && v.file(name[dot+1:]) != nil {
		return v.file(name[dot+1:]), nil
	}
	return nil, fs.ErrNotExist
}

// serveSums answers for the checksum database: name/supported, name/lookup/…, name/tile/…, name/latest.
func (g *golang) serveSums(w http.ResponseWriter, r *request, path string) {
	path, ok := strings.CutPrefix(path, g.sumName)
	if !ok {
		http.NotFound(w, r.Request)
		return
	}
	if path == "/supported" {
		w.WriteHeader(http.StatusOK)
		return
	}
	if mod, ok := strings.CutPrefix(path, "/lookup/"); ok && g.denied(mod) {
		http.Error(w, "not found: private", http.StatusNotFound)
		return
	}
	u := *r.URL
	u.Path, u.RawPath = path, ""
	sr := r.Clone(r.Context())
	sr.URL = &u
	g.mu.Lock()
	sums := g.sums
	g.mu.Unlock()
	sums.ServeHTTP(w, sr)
}

func (g *golang) denied(escaped string) bool {
	escaped, _, _ = strings.Cut(escaped, "@")
	path, err := module.UnescapePath(escaped)
	g.mu.Lock()
	defer g.mu.Unlock()
	return err == nil && g.unlogs[path]
}
