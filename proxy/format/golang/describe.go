package golang

import (
	"archive/zip"
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

var _ format.Describer = (*Format)(nil)

// maxText bounds a go.mod or a readme that is read into memory to describe a version.
const maxText = 4 << 20

// Describe implements format.Describer: what a go.mod requires.
func (*Format) Describe(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (*format.Description, error) {
	f, err := open(v.Version + ".mod")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, min(f.Size(), maxText)))
	if err != nil {
		return nil, err
	}
	m, err := modfile.ParseLax("go.mod", text, nil)
	if err != nil {
		return nil, cache.ErrAbsent
	}
	d := &format.Description{}
	for _, r := range m.Require {
		kind := "regular"
		if r.Indirect {
			kind = "indirect"
		}
		d.Dependencies = append(d.Dependencies, format.Dependency{
			Package: cache.Package{Format: "go", Name: r.Mod.Path}, Kind: kind, Requirement: r.Mod.Version,
		})
	}
	return d, nil
}

// Readme implements format.Describer.
func (*Format) Readme(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (string, error) {
	f, err := open(v.Version + ".zip")
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := &budget{r: f, left: maxDirectory}
	z, err := zip.NewReader(b, f.Size())
	if err != nil {
		return "", cache.ErrAbsent
	}
	b.left = -1
	i := slices.IndexFunc(z.File, func(f *zip.File) bool {
		_, name, _ := strings.Cut(f.Name, "@"+v.Version+"/")
		base := strings.ToLower(name)
		return base == "readme" || strings.HasPrefix(base, "readme.") && path.Dir(base) == "."
	})
	if i < 0 {
		return "", cache.ErrAbsent
	}
	r, err := z.File[i].Open()
	if err != nil {
		return "", cache.ErrAbsent
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return "", cache.ErrAbsent
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}
