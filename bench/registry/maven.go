package registry

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// MavenPromise says how a registry tells the checksums of its files.
type MavenPromise int

// The ways to tell checksums.
const (
	MavenBeside MavenPromise = iota // in a file .sha1 and .md5 beside each
	MavenHeader                     // in the header of each answer too, as the public registry does
	MavenSilent                     // not at all
)

// maven holds a tree of files, and the metadata over them.
type maven struct {
	mu        sync.Mutex
	files     map[string]*file      // by path
	artifacts map[string]*mavenList // by directory
	promise   MavenPromise
	added     int
}

// mavenList is what the maven-metadata.xml in a directory says.
type mavenList struct {
	group, artifact string
	versions        []string // in the order in which they came
	plugins         map[string]string
	modified        time.Time
}

// AddArtifact publishes a version; one that exists gets the files too. files are by what follows ARTIFACT-VERSION in
// their names: ".jar", "-sources.jar". Without a ".pom" it gets one.
func (r *Registry) AddArtifact(group, artifact, version string, files map[string]string) {
	m := r.maven
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.list(group, artifact)
	if !slices.Contains(l.versions, version) {
		l.versions = append(l.versions, version)
	}
	if _, ok := files[".pom"]; !ok {
		files = maps.Clone(files)
		if files == nil {
			files = make(map[string]string)
		}
		files[".pom"] = fmt.Sprintf("<project><modelVersion>4.0.0</modelVersion><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></project>\n",
			group, artifact, version)
	}
	for suffix, body := range files {
		name := artifact + "-" + version + suffix
		m.files[path.Join(directory(group, artifact), version, name)] = newFile([]byte(body), "application/octet-stream", l.modified)
	}
}

// AddPlugin makes a plugin known by its prefix, in the metadata of its group.
func (r *Registry) AddPlugin(group, prefix, artifact string) {
	r.maven.mu.Lock()
	defer r.maven.mu.Unlock()
	i := strings.LastIndexByte(group, '.')
	r.maven.list(group[:max(i, 0)], group[i+1:]).plugins[prefix] = artifact
}

// PutMaven puts a file at a path of the layout, whatever it is; nil takes it away.
func (r *Registry) PutMaven(path string, b []byte) {
	r.maven.mu.Lock()
	defer r.maven.mu.Unlock()
	delete(r.maven.files, path)
	if b != nil {
		r.maven.files[path] = newFile(b, "application/octet-stream", epoch)
	}
}

// PromiseMaven says how checksums are told from now on.
func (r *Registry) PromiseMaven(p MavenPromise) {
	r.maven.mu.Lock()
	defer r.maven.mu.Unlock()
	r.maven.promise = p
}

// list returns the metadata of an artifact, made if needed, as changed now. The caller holds the lock.
func (m *maven) list(group, artifact string) *mavenList {
	dir := directory(group, artifact)
	l := m.artifacts[dir]
	if l == nil {
		l = &mavenList{group: group, artifact: artifact, plugins: make(map[string]string)}
		m.artifacts[dir] = l
	}
	m.added++
	l.modified = epoch.Add(time.Duration(m.added) * time.Hour)
	return l
}

func directory(group, artifact string) string {
	return path.Join(strings.ReplaceAll(group, ".", "/"), artifact)
}

func (m *maven) serve(w http.ResponseWriter, r *request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name, err := url.PathUnescape(r.path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f, promise := m.find(name)
	if f == nil && promise != MavenSilent {
		switch ext := path.Ext(name); ext {
		case ".sha1", ".md5":
			if of, _ := m.find(strings.TrimSuffix(name, ext)); of != nil {
				f = newFile([]byte(mavenSum(ext[1:], of.bytes)), "text/plain", of.modified)
			}
		}
	} else if f != nil && promise == MavenHeader {
		w.Header().Set("X-Checksum-Sha1", mavenSum("sha1", f.bytes))
		w.Header().Set("X-Checksum-Md5", mavenSum("md5", f.bytes))
	}
	f.serve(w, r.Request)
}

// find returns a file that was put there or the metadata of a directory, or nil.
func (m *maven) find(name string) (*file, MavenPromise) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[name]; f != nil {
		return f, m.promise
	}
	dir, base := path.Split(name)
	if l := m.artifacts[strings.TrimSuffix(dir, "/")]; l != nil && base == "maven-metadata.xml" {
		return newFile(l.metadata(), "text/xml", l.modified), m.promise
	}
	return nil, m.promise
}

func mavenSum(algorithm string, b []byte) string {
	if algorithm == "md5" {
		sum := md5.Sum(b)
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// metadata writes the document. Names are given in code, and need no escaping.
func (l *mavenList) metadata() []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n")
	if n := len(l.versions); n > 0 {
		fmt.Fprintf(&b, "  <groupId>%s</groupId>\n  <artifactId>%s</artifactId>\n  <versioning>\n", l.group, l.artifact)
		fmt.Fprintf(&b, "    <latest>%[1]s</latest>\n    <release>%[1]s</release>\n    <versions>\n", l.versions[n-1])
		for _, v := range l.versions {
			fmt.Fprintf(&b, "      <version>%s</version>\n", v)
		}
		fmt.Fprintf(&b, "    </versions>\n    <lastUpdated>%s</lastUpdated>\n  </versioning>\n", l.modified.Format("20060102150405"))
	}
	if len(l.plugins) > 0 {
		b.WriteString("  <plugins>\n")
		for _, prefix := range slices.Sorted(maps.Keys(l.plugins)) {
			fmt.Fprintf(&b, "    <plugin><prefix>%s</prefix><artifactId>%s</artifactId></plugin>\n", prefix, l.plugins[prefix])
		}
		b.WriteString("  </plugins>\n")
	}
	b.WriteString("</metadata>\n")
	return b.Bytes()
}
