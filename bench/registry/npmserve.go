package registry

import (
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// provenance is the predicate of npm's provenance attestations.
const provenance = "https://slsa.dev/provenance/v1"

// maxRequestBody bounds what the fake reads of a request.
const maxRequestBody = 16 << 20

// Advisory is an entry of the security database.
type Advisory struct {
	Package    string
	ID         int
	Title      string
	Severity   string // "low" … "critical"
	Vulnerable string // a range, reported as it is
	Versions   []string
}

// AddAdvisory adds an advisory, which audits of its versions report.
func (r *Registry) AddAdvisory(a Advisory) {
	r.npm.mu.Lock()
	defer r.npm.mu.Unlock()
	r.npm.advisories = append(r.npm.advisories, a)
}

// serve answers an npm request.
func (n *npm) serve(w http.ResponseWriter, r *request) {
	path, err := url.PathUnescape(r.path)
	if err != nil {
		npmError(w, http.StatusBadRequest, err.Error())
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !strings.HasPrefix(path, "-/npm/v1/security/") {
		npmError(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	if rest, ok := strings.CutPrefix(path, "-/"); ok {
		n.serveService(w, r, rest)
		return
	}
	name, rest := splitName(path)
	switch {
	case rest == "":
		n.servePackument(w, r, name)
	case strings.HasPrefix(rest, "-/"):
		n.serveTarball(w, r, name, path)
	default:
		n.serveManifest(w, r, name, rest)
	}
}

// splitName cuts a path into a package's name, which has a slash if it has a scope, and what follows.
func splitName(path string) (name, rest string) {
	first, rest, _ := strings.Cut(path, "/")
	if !strings.HasPrefix(first, "@") {
		return first, rest
	}
	bare, rest, _ := strings.Cut(rest, "/")
	return first + "/" + bare, rest
}

func (n *npm) serveTarball(w http.ResponseWriter, r *request, name, path string) {
	n.mu.Lock()
	var f *file
	if p := n.packages[name]; p != nil {
		for _, v := range p.versions {
			if tarballPath(name, v.version) == path {
				f = v.tarball
			}
		}
	}
	n.mu.Unlock()
	w.Header().Set("Cache-Control", "public, immutable, max-age=31557600")
	f.serve(w, r.Request)
}

func (n *npm) serveManifest(w http.ResponseWriter, r *request, name, want string) {
	n.mu.Lock()
	var doc any
	if p := n.packages[name]; p != nil {
		if v, ok := p.tags[want]; ok {
			want = v
		}
		if i := p.index(want); i >= 0 {
			doc = p.versions[i].document(name, r.base, false)
		}
	}
	n.mu.Unlock()
	if doc == nil {
		npmError(w, http.StatusNotFound, "version not found: "+want)
		return
	}
	writeJSON(w, r, doc)
}

// serveService answers what stands below "-/".
func (n *npm) serveService(w http.ResponseWriter, r *request, path string) {
	switch {
	case path == "ping":
		writeJSON(w, r, map[string]any{})
	case path == "whoami":
		n.whoami(w, r)
	case path == "npm/v1/keys":
		n.serveKeys(w, r)
	case path == "npm/v1/security/advisories/bulk" && r.Method == http.MethodPost:
		n.audit(w, r)
	case path == "v1/search":
		n.search(w, r)
	case strings.HasPrefix(path, "npm/v1/attestations/"):
		n.serveAttestations(w, r, strings.TrimPrefix(path, "npm/v1/attestations/"))
	case strings.HasPrefix(path, "package/") && strings.HasSuffix(path, "/dist-tags"):
		n.serveTags(w, r, strings.TrimSuffix(strings.TrimPrefix(path, "package/"), "/dist-tags"))
	case strings.HasPrefix(path, "npm/v1/security/audits"):
		npmError(w, http.StatusBadRequest, "this endpoint has been retired, use the bulk advisory endpoint")
	default:
		npmError(w, http.StatusNotFound, "not found")
	}
}

func (n *npm) whoami(w http.ResponseWriter, r *request) {
	if r.Header.Get("Authorization") == "" {
		npmError(w, http.StatusUnauthorized, "you are not logged in")
		return
	}
	writeJSON(w, r, map[string]any{"username": "somebody"})
}

func (n *npm) serveKeys(w http.ResponseWriter, r *request) {
	der, err := x509.MarshalPKIXPublicKey(&n.key.PublicKey)
	must(err)
	writeJSON(w, r, map[string]any{"keys": []any{map[string]any{
		"expires": nil, "keyid": n.keyID, "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256",
		"key": base64.StdEncoding.EncodeToString(der),
	}}})
}

func (n *npm) serveAttestations(w http.ResponseWriter, r *request, spec string) {
	at := strings.LastIndexByte(spec, '@')
	n.mu.Lock()
	found := false
	if at > 0 && n.packages[spec[:at]] != nil {
		p := n.packages[spec[:at]]
		i := p.index(spec[at+1:])
		found = i >= 0 && p.versions[i].attested
	}
	n.mu.Unlock()
	if !found {
		npmError(w, http.StatusNotFound, "no attestations")
		return
	}
	writeJSON(w, r, map[string]any{"attestations": []any{map[string]any{"predicateType": provenance, "bundle": map[string]any{}}}})
}

func (n *npm) serveTags(w http.ResponseWriter, r *request, name string) {
	n.mu.Lock()
	var tags map[string]string
	if p := n.packages[name]; p != nil {
		tags = maps.Clone(p.tags)
	}
	n.mu.Unlock()
	if tags == nil {
		npmError(w, http.StatusNotFound, "not found")
		return
	}
	writeJSON(w, r, tags)
}

// audit answers a bulk audit: a gzip body of {"name": ["version", …]}.
func (n *npm) audit(w http.ResponseWriter, r *request) {
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(body)
		if err != nil {
			npmError(w, http.StatusBadRequest, err.Error())
			return
		}
		body = io.LimitReader(zr, maxRequestBody)
	}
	var asked map[string][]string
	if err := json.NewDecoder(body).Decode(&asked); err != nil {
		npmError(w, http.StatusBadRequest, err.Error())
		return
	}
	found := make(map[string][]any)
	n.mu.Lock()
	for _, a := range n.advisories {
		if slices.ContainsFunc(asked[a.Package], func(v string) bool { return slices.Contains(a.Versions, v) }) {
			found[a.Package] = append(found[a.Package], map[string]any{
				"id": a.ID, "title": a.Title, "severity": a.Severity, "vulnerable_versions": a.Vulnerable,
				"url": r.base + "advisories/" + strconv.Itoa(a.ID),
			})
		}
	}
	n.mu.Unlock()
	writeJSON(w, r, found)
}

func (n *npm) search(w http.ResponseWriter, r *request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("size"))
	if err != nil {
		size = 20
	}
	from, _ := strconv.Atoi(q.Get("from"))
	objects := []any{}
	n.mu.Lock()
	total := 0
	for _, name := range slices.Sorted(maps.Keys(n.packages)) {
		if !strings.Contains(name, q.Get("text")) {
			continue
		}
		if total++; total > from && len(objects) < size {
			p := n.packages[name]
			objects = append(objects, map[string]any{"package": map[string]any{
				"name": name, "version": p.tags["latest"], "date": stamp(p.modified), "description": "",
				"keywords": []string{}, "maintainers": []any{}, "publisher": map[string]any{"username": "somebody"},
			}})
		}
	}
	n.mu.Unlock()
	writeJSON(w, r, map[string]any{"objects": objects, "total": total, "time": stamp(epoch)})
}

// writeJSON writes doc, gzip where the client takes it.
func writeJSON(w http.ResponseWriter, r *request, doc any) {
	b, err := json.Marshal(doc)
	must(err)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		b = gzipped(b)
	}
	w.Header().Set("Content-Length", itoa(len(b)))
	w.Write(b)
}

func npmError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": message}) // a client that left needs no answer
}

func itoa(n int) string { return strconv.Itoa(n) }
