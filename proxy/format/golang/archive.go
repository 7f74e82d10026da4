package golang

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// maxDirectory bounds what is read of a zip to list its files, in bytes, since the list is held in memory. A module
// with 10,000 files has a directory of one or two megabytes.
const maxDirectory = 64 << 20

// archive is a module zip whose layout was checked, by the rules of package golang.org/x/mod/zip. (Its CheckZip wants
// a file on the disk, and lists without a limit.)
type archive struct {
	module module.Version
	files  map[string]*zip.File // by name below the module's root
	names  []string             // whole names, for the hash
	folded map[string]entry     // by case-folded name below the root
	size   int64                // unpacked
}

type entry struct {
	name string
	dir  bool
}

// openArchive lists a module zip and checks its layout. It does not read the files.
func openArchive(m module.Version, r io.ReaderAt, size int64) (*archive, error) {
	if err := module.Check(m.Path, m.Version); err != nil {
		return nil, err
	}
	if size > modzip.MaxZipFile {
		return nil, fmt.Errorf("zip of %d bytes, at most %d are allowed", size, modzip.MaxZipFile)
	}
	b := &budget{r: r, left: maxDirectory}
	zr, err := zip.NewReader(b, size)
	if err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	b.left = -1
	a := &archive{module: m, files: make(map[string]*zip.File), folded: make(map[string]entry)}
	prefix := m.Path + "@" + m.Version + "/"
	for _, f := range zr.File {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			return nil, fmt.Errorf("zip: %.80q is not below %s", f.Name, prefix)
		}
		if err := a.add(f, name); err != nil {
			return nil, fmt.Errorf("zip: %.80q: %w", name, err)
		}
	}
	return a, nil
}

// add checks one entry.
func (a *archive) add(f *zip.File, name string) error {
	if name == "" {
		return nil // the root itself
	}
	name, dir := strings.CutSuffix(name, "/")
	if path.Clean(name) != name {
		return errors.New("path is not clean")
	}
	if err := module.CheckFilePath(name); err != nil {
		return err
	}
	if err := a.claim(name, dir); err != nil || dir {
		return err
	}
	if f.Mode()&fs.ModeType != 0 {
		return errors.New("not a regular file")
	}
	if base := path.Base(name); strings.EqualFold(base, "go.mod") && name != "go.mod" {
		return errors.New("a go.mod in another place than the root, or in other letters")
	}
	if f.UncompressedSize64 > fileLimit(name) || int64(f.UncompressedSize64) > modzip.MaxZipFile-a.size {
		return fmt.Errorf("%d bytes unpacked are too many", f.UncompressedSize64)
	}
	a.size += int64(f.UncompressedSize64)
	a.files[name] = f
	a.names = append(a.names, f.Name)
	return nil
}

func fileLimit(name string) uint64 {
	switch name {
	case "go.mod":
		return modzip.MaxGoMod
	case "LICENSE":
		return modzip.MaxLICENSE
	}
	return modzip.MaxZipFile
}

// claim takes a name and its parents. On a disk that ignores case, two names that differ in it only are one.
func (a *archive) claim(name string, dir bool) error {
	for ; name != "."; name, dir = path.Dir(name), true {
		key := fold(name)
		old, taken := a.folded[key]
		switch {
		case !taken:
			a.folded[key] = entry{name, dir}
		case old.name != name:
			return fmt.Errorf("%.80q is there too and differs in case only", old.name)
		case !old.dir || !dir:
			return errors.New("there twice")
		default:
			return nil // a directory, and so its parents, that is known
		}
	}
	return nil
}

// fold maps all spellings that are equal under Unicode case-folding to one.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
			least = min(least, c)
		}
		return least
	}, s)
}

// hash unpacks all files, which checks their CRCs, and their sizes before more is unpacked than declared. It returns the "h1:" sum of a go.sum line.
func (a *archive) hash(ctx context.Context) (string, error) {
	prefix := a.module.Path + "@" + a.module.Version + "/"
	return dirhash.Hash1(a.names, func(name string) (io.ReadCloser, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return a.files[strings.TrimPrefix(name, prefix)].Open()
	})
}

// mod returns the bytes of go.mod, or nil if there is none.
func (a *archive) mod() ([]byte, error) {
	f := a.files["go.mod"]
	if f == nil {
		return nil, nil
	}
	rc, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// budget is a ReaderAt that gives left bytes in all; negative: no limit.
type budget struct {
	r    io.ReaderAt
	left int64
}

func (b *budget) ReadAt(p []byte, off int64) (int, error) {
	if b.left < 0 {
		return b.r.ReadAt(p, off)
	}
	if b.left -= int64(len(p)); b.left < 0 {
		b.left = 0
		return 0, fmt.Errorf("its directory is larger than %d bytes", maxDirectory)
	}
	return b.r.ReadAt(p, off)
}
