package proxy_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"entrepot/bench/registry"
)

// release is an npm version on its way in, with the body that npm publish sends for it.
type release struct {
	name, version, tag string
	tarball            []byte
	dist               map[string]any
}

// newRelease makes a release whose bytes follow from its name, its version and a seed.
func newRelease(name, version string, seed uint64) *release {
	return sizedRelease(name, version, seed, 0)
}

func sizedRelease(name, version string, seed uint64, size int64) *release {
	b := registry.New(registry.Options{}).AddNPM(name, version, registry.NPMVersion{Seed: seed, Size: max(size, 5000)})
	s1 := sha1.Sum(b)
	return &release{name, version, "latest", b, map[string]any{"shasum": hex.EncodeToString(s1[:]), "integrity": integrity(b)}}
}

// body is what npm publish sends.
func (r *release) body() []byte {
	file := r.name + "-" + r.version + ".tgz"
	b, err := json.Marshal(map[string]any{
		"_id": r.name, "name": r.name, "dist-tags": map[string]string{r.tag: r.version},
		"versions": map[string]any{r.version: map[string]any{
			"name": r.name, "version": r.version, "_id": r.name + "@" + r.version, "dist": r.dist,
		}},
		"_attachments": map[string]any{file: map[string]any{
			"content_type": "application/octet-stream", "length": len(r.tarball), "data": base64.StdEncoding.EncodeToString(r.tarball),
		}},
	})
	if err != nil {
		panic(err) // strings and numbers
	}
	return b
}

func (r *release) path(repository string) string { return tarballPath(repository, r.name, r.version) }

// documentPath is where a repository has the index of an npm package.
func documentPath(repository, name string) string {
	return "npm/" + repository + "/" + strings.Replace(name, "/", "%2f", 1)
}

// tarballPath is where a repository has a tarball.
func tarballPath(repository, name, version string) string {
	bare := name[strings.LastIndexByte(name, '/')+1:]
	return "npm/" + repository + "/" + name + "/-/" + bare + "-" + version + ".tgz"
}

// put sends a release, and returns the answer.
func (s *site) put(repository string, r *release) reply {
	s.t.Helper()
	return s.do(http.MethodPut, documentPath(repository, r.name), bytes.NewReader(r.body()),
		"Authorization", "Bearer "+publisher, "Content-Type", "application/json")
}

// publish publishes what must be taken.
func (s *site) publish(repository string, r *release) {
	s.t.Helper()
	if got := s.put(repository, r); got.err != nil || got.status != http.StatusCreated {
		s.t.Fatalf("publishing %s %s: %d, %v, %s", r.name, r.version, got.status, got.err, got.body)
	}
}

func TestPublishThenInstall(t *testing.T) {
	s := start(t, setup{})
	r := newRelease("@acme/ui", "1.0.0", 1)
	s.publish("main", r)
	s.versions(documentPath("main", "@acme/ui"), "1.0.0")
	s.serves(r.path("main"), r.tarball)
	s.asked("*", 0)
}

// integrity is the promise of a tarball's bytes, as in dist.integrity.
func integrity(b []byte) string {
	sum := sha512.Sum512(b)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
