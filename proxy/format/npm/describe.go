package npm

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

var _ format.Describer = Format{}

// about is what a manifest says for people. npm lets many of its members have more than one form.
type about struct {
	Description string          `json:"description"`
	Homepage    json.RawMessage `json:"homepage"`
	Repository  json.RawMessage `json:"repository"`
	License     json.RawMessage `json:"license"`
	Licenses    json.RawMessage `json:"licenses"`
	Readme      json.RawMessage `json:"readme"`

	Dependencies         json.RawMessage `json:"dependencies"`
	DevDependencies      json.RawMessage `json:"devDependencies"`
	PeerDependencies     json.RawMessage `json:"peerDependencies"`
	OptionalDependencies json.RawMessage `json:"optionalDependencies"`
}

func readAbout(meta []byte) about {
	var a about
	if json.Unmarshal(meta, &a) != nil {
		var rest about // a description that is no text: the rest counts all the same
		var members map[string]json.RawMessage
		if json.Unmarshal(meta, &members) != nil {
			return rest
		}
		delete(members, "description")
		b, _ := json.Marshal(members)
		_ = json.Unmarshal(b, &rest)
		return rest
	}
	return a
}

// text reads a string, or the first of the members of an object.
func text(raw json.RawMessage, members ...string) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return ""
	}
	for _, m := range members {
		if json.Unmarshal(object[m], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// Describe implements format.Describer.
func (Format) Describe(_ context.Context, v *cache.Stored, _ func(string) (blob.File, error)) (*format.Description, error) {
	a := readAbout(v.Meta)
	d := &format.Description{Summary: a.Description, HomePage: text(a.Homepage, "url"), SourceCodeRepository: text(a.Repository, "url")}
	licenses := []json.RawMessage{a.License}
	var list []json.RawMessage
	if json.Unmarshal(a.Licenses, &list) == nil {
		licenses = append(licenses, list...)
	}
	for _, l := range licenses {
		if name := text(l, "type", "name"); name != "" {
			var object struct{ URL string }
			_ = json.Unmarshal(l, &object)
			d.Licenses = append(d.Licenses, format.License{Name: name, URL: object.URL})
		}
	}
	for _, k := range []struct {
		kind string
		raw  json.RawMessage
	}{{"regular", a.Dependencies}, {"dev", a.DevDependencies}, {"optional", a.OptionalDependencies}, {"peer", a.PeerDependencies}} {
		var needs map[string]json.RawMessage
		if json.Unmarshal(k.raw, &needs) != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			if p, err := parseName(name); err == nil {
				d.Dependencies = append(d.Dependencies, format.Dependency{Package: p, Kind: k.kind, Requirement: text(needs[name])})
			}
		}
	}
	return d, nil
}

// maxReadme bounds a readme, and maxReadmeWalk what of a tarball is unpacked to find one.
const (
	maxReadme     = 1 << 20
	maxReadmeWalk = 256 << 20
)

// Readme implements format.Describer: from the manifest, or from the file in the tarball.
func (Format) Readme(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (string, error) {
	if s := text(readAbout(v.Meta).Readme); s != "" {
		return s, nil
	}
	f, err := open(Tarball)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return "", cache.ErrAbsent
	}
	t := tar.NewReader(io.LimitReader(z, maxReadmeWalk))
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) || err != nil {
			return "", cache.ErrAbsent
		}
		dir, name := path.Split(path.Clean(h.Name))
		base := strings.ToLower(name)
		if strings.Count(dir, "/") != 1 || h.Typeflag != tar.TypeReg || base != "readme" && !strings.HasPrefix(base, "readme.") {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(t, maxReadme))
		if err != nil {
			return "", cache.ErrAbsent
		}
		return strings.ToValidUTF8(string(b), "\uFFFD"), nil
	}
}
