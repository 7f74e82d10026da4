package formattest

import (
	"bytes"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// Files are a version's files by name, for format.Describer.
type Files map[string][]byte

// Stored is the version that has the files.
func (f Files) Stored(version string, meta []byte) *cache.Stored {
	v := &cache.Stored{Version: version, Meta: meta}
	for name, b := range f {
		v.Assets = append(v.Assets, cache.Asset{Name: name, Digest: blob.Sum(b), Size: int64(len(b))})
	}
	return v
}

// Open opens a file; cache.ErrAbsent if there is none of that name.
func (f Files) Open(name string) (blob.File, error) {
	b, ok := f[name]
	if !ok {
		return nil, cache.ErrAbsent
	}
	return memoryFile{bytes.NewReader(b)}, nil
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }
