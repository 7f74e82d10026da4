package cargo

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"path"
	"strings"

	"github.com/BurntSushi/toml"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

var _ format.Describer = Format{}

// maxReadme bounds a readme.
const maxReadme = 1 << 20

// cargoTOML is what a crate's Cargo.toml says about it.
type cargoTOML struct {
	Package struct {
		Name, Description, Homepage, Repository, License string

		Readme any // a path, or false
	}
}

// Describe implements format.Describer: dependencies from the line of the index, the rest from Cargo.toml.
func (Format) Describe(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (*format.Description, error) {
	d := &format.Description{}
	var line indexLine
	if json.Unmarshal(v.Meta, &line) == nil {
		d.DisplayName = line.Name
		for _, need := range line.Deps {
			name, kind := need.Name, need.Kind
			if need.Package != nil {
				name = *need.Package // it is known by another name in the crate
			}
			switch {
			case need.Optional:
				kind = "optional"
			case kind == "" || kind == "normal":
				kind = "regular"
			}
			d.Dependencies = append(d.Dependencies, format.Dependency{
				Package: cache.Package{Format: "cargo", Name: name}, Kind: kind, Requirement: need.Requirement,
			})
		}
	}
	var m cargoTOML
	text, err := member(v, open, func(name string) bool { return name == "Cargo.toml" }, maxManifest)
	if err != nil || toml.Unmarshal(text, &m) != nil {
		return d, nil //nolint:nilerr // what the index says is something
	}
	p := m.Package
	d.Summary, d.HomePage, d.SourceCodeRepository = strings.Join(strings.Fields(p.Description), " "), p.Homepage, p.Repository
	if p.License != "" {
		d.Licenses = []format.License{{Name: p.License}}
	}
	return d, nil
}

// Readme implements format.Describer.
func (Format) Readme(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (string, error) {
	text, err := member(v, open, func(name string) bool {
		base := strings.ToLower(name)
		return base == "readme" || strings.HasPrefix(base, "readme.") && !strings.Contains(base, "/")
	}, maxReadme)
	if err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

// member reads the first file of the crate whose name below its folder is wanted; cache.ErrAbsent if there is none.
func member(v *cache.Stored, open func(string) (blob.File, error), wanted func(string) bool, limit int64) ([]byte, error) {
	if len(v.Assets) == 0 {
		return nil, cache.ErrAbsent
	}
	f, err := open(v.Assets[0].Name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return nil, cache.ErrAbsent
	}
	files := tar.NewReader(io.LimitReader(z, maxUnpacked))
	for {
		h, err := files.Next()
		if err != nil {
			return nil, cache.ErrAbsent
		}
		if _, name, ok := strings.Cut(path.Clean(h.Name), "/"); ok && h.Typeflag == tar.TypeReg && wanted(name) {
			b, err := io.ReadAll(io.LimitReader(files, limit))
			if err != nil {
				return nil, cache.ErrAbsent
			}
			return b, nil
		}
	}
}
