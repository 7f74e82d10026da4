package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// The parts of CycloneDX 1.6 (ECMA-424) that a report has.
type (
	bom struct {
		BOMFormat    string      `json:"bomFormat"`
		SpecVersion  string      `json:"specVersion"`
		SerialNumber string      `json:"serialNumber"`
		Version      int         `json:"version"`
		Metadata     bomMetadata `json:"metadata"`
		Components   []component `json:"components"`
	}
	bomMetadata struct {
		Timestamp string   `json:"timestamp"`
		Tools     bomTools `json:"tools"`
	}
	bomTools struct {
		Components []component `json:"components"`
	}
	component struct {
		Type       string      `json:"type"`
		BOMRef     string      `json:"bom-ref,omitempty"`
		Group      string      `json:"group,omitempty"`
		Name       string      `json:"name"`
		Version    string      `json:"version,omitempty"`
		PURL       string      `json:"purl,omitempty"`
		Hashes     []bomHash   `json:"hashes,omitempty"`
		References []reference `json:"externalReferences,omitempty"`
		Properties []property  `json:"properties,omitempty"`
		Components []component `json:"components,omitempty"`
	}
	bomHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	reference struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// writeReport writes what was fetched: a component for each version, with its files where they are several.
func (t *tally) writeReport(path string) error {
	release, _ := build()
	var id [16]byte
	_, _ = rand.Read(id[:])                         // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // RFC 9562, 5.4
	h := hex.EncodeToString(id[:])
	out := bom{
		BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1, Components: []component{},
		SerialNumber: fmt.Sprintf("urn:uuid:%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:]),
		Metadata: bomMetadata{
			Timestamp: time.Now().UTC().Format(time.RFC3339),
			Tools:     bomTools{[]component{{Type: "application", Name: "entrepot", Version: release}}},
		},
	}
	for _, f := range t.list() {
		ref := f.purl()
		n := len(out.Components)
		if n == 0 || out.Components[n-1].BOMRef != ref {
			out.Components = append(out.Components, component{
				Type: "library", BOMRef: ref, Group: f.namespace, Name: f.name, Version: f.version, PURL: ref,
			})
			n++
		}
		c := &out.Components[n-1]
		file := f.component()
		c.Components = append(c.Components, file)
	}
	for i := range out.Components {
		if c := &out.Components[i]; len(c.Components) == 1 {
			only := c.Components[0]
			c.Hashes, c.References, c.Properties, c.Components = only.Hashes, only.References, only.Properties, nil
		}
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func (f *fetched) component() component {
	c := component{Type: "file", Name: f.asset, References: []reference{{"distribution", f.url}}, Properties: []property{
		{"entrepot:verdict", "allowed"}, {"entrepot:connection", f.connection},
	}}
	if f.rule != "" {
		c.Properties[0].Value = "refused by " + f.rule
		return c
	}
	c.Hashes = []bomHash{{"SHA-256", hex.EncodeToString(f.digest[:])}}
	return c
}

// purlTypes are the package URL types of our formats, where they have another name.
var purlTypes = map[string]string{"go": "golang", "ruby": "gem"}

// purl is the package URL of a version (ECMA-427).
func (s *subject) purl() string {
	var b strings.Builder
	b.WriteString("pkg:" + or(purlTypes[s.format], s.format))
	name, namespace := s.name, s.namespace
	switch s.format {
	case "npm":
		if namespace != "" {
			namespace = "@" + namespace
		}
	case "go":
		if i := strings.LastIndexByte(name, '/'); i >= 0 && namespace == "" {
			namespace, name = name[:i], name[i+1:]
		}
	}
	for part := range strings.SplitSeq(namespace, "/") {
		if part != "" {
			b.WriteString("/" + purlEscape(part))
		}
	}
	b.WriteString("/" + purlEscape(name))
	if s.version != "" {
		b.WriteString("@" + purlEscape(s.version))
	}
	return b.String()
}

// purlEscape escapes all but what a package URL leaves as it is, the colon among it.
func purlEscape(s string) string {
	return strings.NewReplacer("+", "%20", "%3A", ":").Replace(url.QueryEscape(s))
}
