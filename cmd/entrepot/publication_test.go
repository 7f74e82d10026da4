package main

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"entrepot/bench/registry"
)

// publication is an npm version that is published here.
type publication struct {
	name, version string
	tarball       []byte
}

// newPublication makes a publication whose bytes follow from the arguments.
func newPublication(name, version string, size int64) *publication {
	b := registry.New(registry.Options{}).AddNPM(name, version, registry.NPMVersion{Size: size, Seed: 1})
	return &publication{name, version, b}
}

func (r *publication) path() string {
	return "npm/main/" + r.name + "/-/" + r.name + "-" + r.version + ".tgz"
}

// body is what npm publish sends.
func (r *publication) body() []byte {
	sum := sha512.Sum512(r.tarball)
	b, err := json.Marshal(map[string]any{
		"_id": r.name, "name": r.name, "dist-tags": map[string]string{"latest": r.version},
		"versions": map[string]any{r.version: map[string]any{
			"name": r.name, "version": r.version,
			"dist": map[string]any{"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:])},
		}},
		"_attachments": map[string]any{r.name + "-" + r.version + ".tgz": map[string]any{
			"content_type": "application/octet-stream", "length": len(r.tarball), "data": base64.StdEncoding.EncodeToString(r.tarball),
		}},
	})
	if err != nil {
		panic(err) // strings and numbers
	}
	return b
}

// publish sends a publication, and reports the status of the answer.
func (p *process) publish(r *publication) (int, error) {
	req, err := http.NewRequest(http.MethodPut, p.url+"npm/main/"+r.name, bytes.NewReader(r.body()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+publisherToken)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
