package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"slices"
)

// tarball builds an npm tarball: package.json, the files, and random bytes up to about size. The same input gives the
// same bytes.
func tarball(manifest map[string]any, files map[string]string, size int64, seed uint64) []byte {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	must(err)
	tw := tar.NewWriter(zw)
	add := func(name string, b []byte) {
		// npm gives files this date too, so that archives are reproducible.
		must(tw.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(b)), Format: tar.FormatUSTAR}))
		_, err := tw.Write(b)
		must(err)
	}
	pkg, err := json.MarshalIndent(manifest, "", "  ")
	must(err)
	add("package.json", pkg)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		add(name, []byte(files[name]))
	}
	must(tw.Flush())
	must(zw.Flush())
	// The end of an archive and the frames of incompressible data take about 100 bytes.
	if rest := size - int64(buf.Len()) - 100; rest > 0 {
		add("filler.bin", Bytes(rest, seed))
	}
	must(tw.Close())
	must(zw.Close())
	return buf.Bytes()
}

// must panics: content comes from the test's own code, and memory does not fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
