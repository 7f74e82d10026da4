package pypi

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"entrepot/cache"
)

// Bounds of archives. An archive may unpack to slack bytes, or to ratio times its size if that is more: text gets 20
// times smaller at most, and only what is made to harm gets more.
const (
	slack      = 64 << 20
	ratio      = 100
	maxMembers = 100_000
)

var errNoMetadata = errors.New("it has no core metadata")

// readMetadata returns the core metadata of a wheel or a source distribution, and parses it. It reads a tar archive to
// its end; of a zip archive, the directory and that one member.
func readMetadata(r io.ReaderAt, size int64, file string) ([]byte, metadata, error) {
	var b []byte
	var err error
	switch {
	case isWheel(file):
		b, err = zipMember(r, size, func(dir string) bool { return strings.HasSuffix(dir, ".dist-info") }, "METADATA")
	case strings.HasSuffix(file, ".zip"):
		b, err = zipMember(r, size, func(string) bool { return true }, "PKG-INFO")
	case strings.HasSuffix(file, ".tar.gz"):
		b, err = tarMember(r, size)
	default:
		return nil, nil, fmt.Errorf("%.100q is neither a wheel nor a source distribution", file)
	}
	if err != nil {
		return nil, nil, err
	}
	return b, parseMetadata(b), nil
}

// zipMember returns the member DIR/NAME of an archive, of a directory at the top that is wanted.
func zipMember(r io.ReaderAt, size int64, wanted func(dir string) bool, name string) ([]byte, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxMembers {
		return nil, fmt.Errorf("it has more than %d members", maxMembers)
	}
	for _, f := range z.File {
		dir, base, ok := strings.Cut(f.Name, "/")
		if !ok || base != name || !wanted(dir) {
			continue
		}
		if f.UncompressedSize64 > maxMetadata {
			return nil, fmt.Errorf("its %s takes more than %d bytes", f.Name, maxMetadata)
		}
		m, err := f.Open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.LimitReader(m, maxMetadata))
		return b, errors.Join(err, m.Close())
	}
	return nil, errNoMetadata
}

// tarMember returns DIR/PKG-INFO of a compressed tar archive, and reads it all: so it is whole.
func tarMember(r io.ReaderAt, size int64) ([]byte, error) {
	gz, err := gzip.NewReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: gz, N: max(slack, ratio*size)}
	t := tar.NewReader(limited)
	var found []byte
	for n := 0; ; n++ {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil || n > maxMembers {
			return nil, fmt.Errorf("it is no archive, or unpacks to too much: %w", errors.Join(err, gz.Close()))
		}
		if _, base, ok := strings.Cut(strings.TrimPrefix(h.Name, "./"), "/"); ok && base == "PKG-INFO" && found == nil {
			if found, err = io.ReadAll(io.LimitReader(t, maxMetadata)); err != nil {
				return nil, err
			}
		}
	}
	if _, err := io.Copy(io.Discard, limited); err != nil { // the padding, and gzip's own checksum
		return nil, err
	}
	if found == nil {
		return nil, errNoMetadata
	}
	return found, gz.Close()
}

// checkDistribution accepts a file for which the registry promises no sum: it must be whole, and of its version where
// it is of a form that says so.
func checkDistribution(r io.ReaderAt, size int64, file string, a cache.AssetKey) error {
	if !isWheel(file) && !strings.HasSuffix(file, ".tar.gz") {
		if strings.HasSuffix(file, ".zip") || strings.HasSuffix(file, ".egg") {
			_, err := zip.NewReader(r, size)
			return err
		}
		return nil
	}
	_, m, err := readMetadata(r, size, file)
	if errors.Is(err, errNoMetadata) && !isWheel(file) {
		return nil // as old ones
	}
	if err != nil {
		return err
	}
	return m.agrees(a.Package, a.Version)
}
