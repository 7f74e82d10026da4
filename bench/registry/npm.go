package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// NPMVersion is what AddNPM takes beside name and version. The zero value is a small package.
type NPMVersion struct {
	Manifest  map[string]any    // more fields of package.json: dependencies, deprecated, bin …
	Files     map[string]string // more files of the tarball
	Size      int64             // the tarball is filled up to about that many bytes
	Seed      uint64            // of the filling; another seed gives other bytes
	Published time.Time         // zero: an hour after the version before
	Attested  bool              // it has an attestation document
}

// npm holds the packages.
type npm struct {
	key   *ecdsa.PrivateKey
	keyID string

	mu         sync.Mutex
	packages   map[string]*npmPackage
	advisories []Advisory
	rendered   map[renderKey]*file // dropped whole when content changes
}

type npmPackage struct {
	name     string
	versions []*npmVersion // in order of publication
	tags     map[string]string
	modified time.Time
}

type npmVersion struct {
	version   string
	manifest  map[string]any // without dist.tarball, which depends on who asks
	published time.Time
	tarball   *file
	attested  bool
}

func newNPM() *npm {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(err)
	sum := sha256.Sum256(der)
	return &npm{
		key:      key,
		keyID:    "SHA256:" + base64.StdEncoding.EncodeToString(sum[:]),
		packages: make(map[string]*npmPackage),
		rendered: make(map[renderKey]*file),
	}
}

// AddNPM publishes a version. The newest one becomes "latest"; a version that exists is replaced, with whatever other
// bytes v now describes. It returns the tarball's bytes.
func (r *Registry) AddNPM(name, version string, v NPMVersion) []byte {
	manifest := map[string]any{"name": name, "version": version}
	maps.Copy(manifest, v.Manifest)
	data := tarball(manifest, v.Files, v.Size, v.Seed)
	n := r.npm
	manifest["_id"] = name + "@" + version
	manifest["dist"] = n.dist(name, version, data)

	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.packages[name]
	if p == nil {
		p = &npmPackage{name: name, tags: make(map[string]string), modified: epoch}
		n.packages[name] = p
	}
	nv := &npmVersion{version: version, manifest: manifest, published: v.Published, attested: v.Attested}
	if nv.published.IsZero() {
		nv.published = p.modified.Add(time.Hour)
	}
	nv.tarball = newFile(data, "application/octet-stream", nv.published)
	if nv.published.After(p.modified) {
		p.modified = nv.published
	}
	if i := p.index(version); i >= 0 {
		p.versions[i] = nv
	} else {
		p.versions = append(p.versions, nv)
		p.tags["latest"] = version
	}
	clear(n.rendered)
	return data
}

// dist describes a tarball, with checksums and a signature that hold.
func (n *npm) dist(name, version string, tarball []byte) map[string]any {
	s1, s512 := sha1.Sum(tarball), sha512.Sum512(tarball)
	integrity := "sha512-" + base64.StdEncoding.EncodeToString(s512[:])
	digest := sha256.Sum256([]byte(name + "@" + version + ":" + integrity))
	sig, err := ecdsa.SignASN1(rand.Reader, n.key, digest[:])
	must(err)
	return map[string]any{
		"shasum":     hex.EncodeToString(s1[:]),
		"integrity":  integrity,
		"signatures": []any{map[string]any{"keyid": n.keyID, "sig": base64.StdEncoding.EncodeToString(sig)}},
	}
}

// TagNPM points a dist-tag at a version; an empty version removes the tag.
func (r *Registry) TagNPM(name, tag, version string) {
	r.npm.change(name, func(p *npmPackage) {
		if p.tags[tag] = version; version == "" {
			delete(p.tags, tag)
		}
	})
}

// RemoveNPM withdraws a version with its tags; an empty version withdraws the package.
func (r *Registry) RemoveNPM(name, version string) {
	r.npm.change(name, func(p *npmPackage) {
		p.versions = slices.DeleteFunc(p.versions, func(v *npmVersion) bool { return version == "" || v.version == version })
		maps.DeleteFunc(p.tags, func(_, v string) bool { return p.index(v) < 0 })
		if len(p.versions) == 0 {
			delete(r.npm.packages, name)
		} else if _, ok := p.tags["latest"]; !ok {
			p.tags["latest"] = p.versions[len(p.versions)-1].version
		}
	})
}

func (n *npm) change(name string, fn func(*npmPackage)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.packages[name]; p != nil {
		p.modified = p.modified.Add(time.Second)
		fn(p)
	}
	clear(n.rendered)
}

func (p *npmPackage) index(version string) int {
	return slices.IndexFunc(p.versions, func(v *npmVersion) bool { return v.version == version })
}

// tarballPath is the canonical path of a tarball, relative to the registry's root.
func tarballPath(name, version string) string {
	_, bare, ok := strings.Cut(name, "/")
	if !ok {
		bare = name
	}
	return name + "/-/" + bare + "-" + version + ".tgz"
}
