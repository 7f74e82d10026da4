package golang

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// Verify checks an asset: its form always; a .mod and a .zip against the connection's checksum database where its key
// is known. A module that the database does not know (it is private, or was never asked for) is checked in form alone.
// A database that cannot be asked is an *cache.Unavailable: what cannot be checked is not stored.
func (f *Format) Verify(ctx context.Context, a cache.AssetKey, r io.ReaderAt, size int64, get format.Getter) error {
	m := module.Version{Path: a.Package.Name, Version: a.Version}
	_, ext, _ := cutExtension(a.Asset)
	sum, err := check(ctx, m, ext, r, size, f.verifies(get.Connection()))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s %s: %w: %w", a.Package, a.Asset, blob.ErrCorrupt, err)
	}
	if sum == "" {
		return nil
	}
	db := f.databases[get.Connection()]
	version := m.Version
	if ext == "mod" {
		version += "/go.mod"
	}
	lines, err := db.lookup(ctx, get, m.Path, version)
	if err != nil {
		return err
	}
	return agree(lines, sum)
}

// verifies reports whether there is a key to check what came by a connection.
func (f *Format) verifies(connection string) bool {
	db := f.databases[connection]
	return db != nil && db.key != ""
}

// check checks an asset's form, and returns its "h1:" sum if it is one that checksum databases have and it is wanted.
func check(ctx context.Context, m module.Version, ext string, r io.ReaderAt, size int64, wanted bool) (sum string, err error) {
	switch ext {
	case "info":
		b, err := readSmall(r, size, maxInfo)
		if err != nil {
			return "", err
		}
		i, err := parseInfo(m.Path, b)
		if err == nil && i.Version != m.Version {
			err = fmt.Errorf(".info of version %s", i.Version)
		}
		return "", err
	case "mod":
		b, err := readSmall(r, size, modzip.MaxGoMod)
		if err != nil {
			return "", err
		}
		if err := checkMod(b); err != nil || !wanted {
			return "", err
		}
		return hashMod(b)
	case "zip":
		z, err := openArchive(m, r, size)
		if err != nil || !wanted {
			return "", err
		}
		return z.hash(ctx)
	}
	return "", errors.New("unknown file")
}

// checkMod checks that a go.mod is one. Which module it declares does not count: where one was renamed, it is another,
// and the go command says so better than we can. Nor do statements of a future Go, or branches in place of versions.
func checkMod(b []byte) error {
	if modfile.ModulePath(b) == "" {
		return errors.New("go.mod declares no module")
	}
	_, err := modfile.ParseLax("go.mod", b, anyVersion)
	return err
}

// anyVersion is a VersionFixer that takes what was written before versions were settled, by giving a version that the
// module can have.
func anyVersion(path, version string) (string, error) {
	_, major, _ := module.SplitPathVersion(path)
	if module.CanonicalVersion(version) == version && module.CheckPathMajor(version, major) == nil {
		return version, nil
	}
	prefix := module.PathMajorPrefix(major)
	if prefix == "" {
		prefix = "v0"
	}
	return prefix + ".0.0", nil
}

// hashMod returns the sum of a go.mod as go.sum has it.
func hashMod(b []byte) (string, error) {
	return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
}

// agree checks a sum against lines of go.sum. Sums of an algorithm that we do not know promise nothing.
func agree(lines []string, sum string) error {
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) != 3 || !strings.HasPrefix(fields[2], "h1:") {
			continue
		}
		if fields[2] != sum {
			return fmt.Errorf("%s %s: the bytes have %s, the checksum database has %s: %w", fields[0], fields[1], sum, fields[2], blob.ErrCorrupt)
		}
	}
	return nil
}
