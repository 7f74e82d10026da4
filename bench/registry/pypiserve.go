package registry

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// simpleJSON is the simple index as JSON (PEP 691).
const simpleJSON = "application/vnd.pypi.simple.v1+json"

// serve answers a request: the simple index below simple/, files below files/, the legacy API, provenance.
func (p *pypi) serve(w http.ResponseWriter, r *request) {
	path, err := url.PathUnescape(r.path)
	if err != nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	parts := strings.Split(path, "/")
	if parts[0] == "files" && len(parts) == 3 {
		p.download(parts[1], parts[2]).serve(w, r.Request)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case path == "simple/":
		p.index(w, r)
	case parts[0] == "simple" && len(parts) == 3 && parts[2] == "" && p.projects[parts[1]] != nil:
		p.simple(w, r, parts[1])
	case parts[0] == "pypi" && len(parts) > 2 && parts[len(parts)-1] == "json" && p.projects[parts[1]] != nil:
		p.legacy(w, r, parts[1], parts[2])
	case parts[0] == "integrity" && len(parts) == 5 && p.find(parts[1], parts[3]) != nil:
		writeJSON(w, r, map[string]any{"version": 1, "attestation_bundles": []any{}})
	default:
		http.NotFound(w, r.Request)
	}
}

func (p *pypi) find(project, name string) *pypiFile {
	if at := p.projects[project]; at != nil {
		for _, f := range at.files {
			if f.name == name {
				return f
			}
		}
	}
	return nil
}

// download returns a file, or core metadata where there is some; nil if there is none.
func (p *pypi) download(project, name string) *file {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.find(project, name); f != nil {
		return f.file
	}
	if f := p.find(project, strings.TrimSuffix(name, ".metadata")); f != nil && strings.HasSuffix(f.name, ".whl") && !f.Bare {
		return f.metadata
	}
	return nil
}

// json reports whether to answer in JSON, and says so in the answer.
func (p *pypi) json(w http.ResponseWriter, r *request) bool {
	w.Header().Set("Vary", "Accept")
	if p.html || !strings.Contains(r.Header.Get("Accept"), simpleJSON) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		return false
	}
	w.Header().Set("Content-Type", simpleJSON)
	return true
}

func (p *pypi) index(w http.ResponseWriter, r *request) {
	names := slices.Sorted(maps.Keys(p.projects))
	if !p.json(w, r) {
		for _, name := range names {
			fmt.Fprintf(w, "<a href=\"%s/\">%s</a><br/>\n", name, name)
		}
		return
	}
	projects := []any{}
	for _, name := range names {
		projects = append(projects, map[string]any{"name": name, "_last-serial": p.serial})
	}
	p.write(w, map[string]any{"meta": map[string]any{"api-version": "1.4", "_last-serial": p.serial}, "projects": projects})
}

func (p *pypi) write(w http.ResponseWriter, doc any) {
	b, err := json.Marshal(doc)
	must(err)
	w.Header().Set("ETag", `"`+hexSum(b)[:16]+`"`)
	w.Write(b)
}

func (p *pypi) simple(w http.ResponseWriter, r *request, project string) {
	at := p.projects[project]
	if !p.json(w, r) {
		for _, f := range at.files {
			fmt.Fprintf(w, "<a href=\"../../files/%s/%s#sha256=%s\">%s</a><br/>\n", project, url.PathEscape(f.name), hexSum(f.file.bytes), html.EscapeString(f.name))
		}
		return
	}
	versions, files := []string{}, []any{}
	for _, f := range at.files {
		if !slices.Contains(versions, f.version) {
			versions = append(versions, f.version)
		}
		files = append(files, f.object(project, r.base))
	}
	doc := map[string]any{
		"meta": map[string]any{"api-version": "1.4", "_last-serial": p.serial},
		"name": project, "versions": versions, "files": files,
	}
	if at.status != "" {
		doc["project-status"] = map[string]any{"status": at.status, "reason": at.reason}
	}
	p.write(w, doc)
}

func (f *pypiFile) object(project, base string) map[string]any {
	o := map[string]any{
		"filename": f.name, "url": base + "files/" + project + "/" + url.PathEscape(f.name), "size": len(f.file.bytes),
		"hashes":      map[string]any{"sha256": hexSum(f.file.bytes)},
		"upload-time": f.Published.UTC().Format("2006-01-02T15:04:05.000000Z"), "yanked": false, "provenance": nil,
	}
	if f.Yanked != "" {
		o["yanked"] = f.Yanked
	}
	if f.RequiresPython != "" {
		o["requires-python"] = f.RequiresPython
	}
	if strings.HasSuffix(f.name, ".whl") && !f.Bare {
		o["core-metadata"] = map[string]any{"sha256": hexSum(f.metadata.bytes)}
	}
	if f.Attested {
		o["provenance"] = base + "integrity/" + project + "/" + f.version + "/" + url.PathEscape(f.name) + "/provenance"
	}
	return o
}

// legacy answers in the legacy JSON API for one version, or with "json" for the newest.
func (p *pypi) legacy(w http.ResponseWriter, r *request, project, version string) {
	at := p.projects[project]
	urls, found := []any{}, false
	if version == "json" {
		version = at.files[len(at.files)-1].version
	}
	for _, f := range at.files {
		if f.version == version {
			found = true
			urls = append(urls, map[string]any{"filename": f.name, "url": r.base + "files/" + project + "/" + f.name})
		}
	}
	if !found {
		http.NotFound(w, r.Request)
		return
	}
	writeJSON(w, r, map[string]any{
		"info": map[string]any{"name": project, "version": version, "summary": "a fake"}, "last_serial": p.serial, "urls": urls,
		"vulnerabilities": []any{},
	})
}
