package registry

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// PyPIFile is what AddPyPI takes beside name and version. The zero value is a small wheel for every platform.
type PyPIFile struct {
	Tag            string            // of the wheel; "" is "py3-none-any", "sdist" makes a source distribution
	Requires       []string          // Requires-Dist
	RequiresPython string            // Requires-Python
	Files          map[string]string // more files of the archive
	Size           int64             // the archive is filled up to about that many bytes
	Seed           uint64            // of the filling; another seed gives other bytes
	Published      time.Time         // zero: an hour after the file before
	Yanked         string            // the reason; empty: it is not yanked
	Bare           bool              // the index says nothing of core metadata, and there is none beside the file
	Attested       bool              // it has provenance
}

// pypi holds the projects.
type pypi struct {
	mu       sync.Mutex
	html     bool
	projects map[string]*pypiProject // by normal name
	serial   int
}

type pypiProject struct {
	status, reason string
	files          []*pypiFile
}

type pypiFile struct {
	PyPIFile
	name, version  string
	file, metadata *file
}

// AddPyPI publishes a file; one of the same name is replaced, with whatever other bytes f now describes. It returns the
// file's name and bytes.
func (r *Registry) AddPyPI(name, version string, f PyPIFile) (string, []byte) {
	p := r.pypi
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	if f.Published.IsZero() {
		f.Published = epoch.Add(time.Duration(p.serial) * time.Hour)
	}
	pf := newPyPIFile(name, version, f)
	at := p.project(name)
	if i := slices.IndexFunc(at.files, func(o *pypiFile) bool { return o.name == pf.name }); i >= 0 {
		at.files[i] = pf
	} else {
		at.files = append(at.files, pf)
	}
	return pf.name, pf.file.bytes
}

// RemovePyPI withdraws a version; an empty version withdraws the project.
func (r *Registry) RemovePyPI(name, version string) {
	p := r.pypi
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.project(name)
	at.files = slices.DeleteFunc(at.files, func(f *pypiFile) bool { return version == "" || f.version == version })
	if len(at.files) == 0 {
		delete(p.projects, pypiName(name))
	}
}

// SetPyPIStatus sets a project's status ("quarantined", "archived" …) and the reason for it.
func (r *Registry) SetPyPIStatus(name, status, reason string) {
	r.pypi.mu.Lock()
	defer r.pypi.mu.Unlock()
	at := r.pypi.project(name)
	at.status, at.reason = status, reason
}

// OldPyPI makes the index speak HTML only, as PEP 503 has it: with neither times nor sizes.
func (r *Registry) OldPyPI() {
	r.pypi.mu.Lock()
	defer r.pypi.mu.Unlock()
	r.pypi.html = true
}

// project returns a project, made if needed. The caller holds the lock.
func (p *pypi) project(name string) *pypiProject {
	name = pypiName(name)
	if p.projects[name] == nil {
		p.projects[name] = new(pypiProject)
	}
	return p.projects[name]
}

// pypiName is the normal form of a project's name (PEP 503), for names without runs of separators.
func pypiName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

func newPyPIFile(name, version string, f PyPIFile) *pypiFile {
	escaped := strings.ReplaceAll(pypiName(name), "-", "_")
	metadata := pypiMetadata(name, version, f)
	files := map[string]string{escaped + "/__init__.py": "version = \"" + version + "\"\n"}
	maps.Copy(files, f.Files)
	if f.Size > 0 {
		files[escaped+"/data.bin"] = string(Bytes(f.Size, f.Seed))
	}
	pf := &pypiFile{PyPIFile: f, version: version, metadata: newFile([]byte(metadata), "text/plain", f.Published)}
	var data []byte
	if f.Tag == "sdist" {
		pf.name = escaped + "-" + version + ".tar.gz"
		files["PKG-INFO"] = metadata
		data = sourceDistribution(escaped+"-"+version+"/", files, f.Published)
	} else {
		tag := f.Tag
		if tag == "" {
			tag = "py3-none-any"
		}
		pf.name = escaped + "-" + version + "-" + tag + ".whl"
		data = wheel(escaped+"-"+version+".dist-info/", tag, metadata, files, f.Published)
	}
	pf.file = newFile(data, "application/octet-stream", f.Published)
	return pf
}

func pypiMetadata(name, version string, f PyPIFile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	if f.RequiresPython != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", f.RequiresPython)
	}
	for _, r := range f.Requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	return b.String() + "\n"
}

// wheel makes a wheel that installers take (PEP 427): with its metadata last, and a record of all files.
func wheel(info, tag, metadata string, files map[string]string, modified time.Time) []byte {
	var b bytes.Buffer
	var record strings.Builder
	z := zip.NewWriter(&b)
	add := func(name, content string) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: modified})
		must(err)
		_, err = w.Write([]byte(content))
		must(err)
		fmt.Fprintf(&record, "%s,,%d\n", name, len(content))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		add(name, files[name])
	}
	add(info+"METADATA", metadata)
	add(info+"WHEEL", "Wheel-Version: 1.0\nGenerator: fake\nRoot-Is-Purelib: true\nTag: "+tag+"\n")
	add(info+"RECORD", record.String()+info+"RECORD,,\n")
	must(z.Close())
	return b.Bytes()
}

func sourceDistribution(dir string, files map[string]string, modified time.Time) []byte {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	t := tar.NewWriter(gz)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(t.WriteHeader(&tar.Header{Name: dir + name, Mode: 0o644, Size: int64(len(files[name])), ModTime: modified}))
		_, err := t.Write([]byte(files[name]))
		must(err)
	}
	must(t.Close())
	must(gz.Close())
	return b.Bytes()
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
