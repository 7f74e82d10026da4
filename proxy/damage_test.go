package proxy_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/cache/blob"
)

// damage inverts a byte in the middle of every stored blob that fits. With quiet, the files look as they did.
func (s *site) damage(quiet bool, fits func(d blob.Digest, size int64) bool) {
	s.t.Helper()
	n := 0
	s.must(filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		d, err := blob.ParseDigest(e.Name())
		if err != nil {
			return nil
		}
		info, err := e.Info()
		if err != nil || info.Size() == 0 || fits != nil && !fits(d, info.Size()) {
			return err
		}
		n++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 0x10
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil { // blobs are not writable, but ours
			s.must(os.Chmod(path, 0o600))
			f, err = os.OpenFile(path, os.O_WRONLY, 0)
		}
		s.must(err)
		_, err = f.WriteAt(b, 0)
		s.must(err)
		s.must(f.Close())
		at := info.ModTime()
		if !quiet {
			at = at.Add(time.Second)
		}
		return os.Chtimes(path, at, at)
	}))
	if n == 0 {
		s.t.Fatal("nothing was there to be damaged")
	}
}

// TestFlippedBit: bytes that changed on the disk are never served. What a registry can give again is fetched again.
func TestFlippedBit(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int64
	}{{"small", 3000}, {"medium", 320_000}, {"large", large}} {
		for _, when := range []string{"before the start", "while it runs"} {
			t.Run(tt.name+" "+when, func(t *testing.T) {
				t.Parallel()
				s := start(t, setup{})
				want := s.registry.AddNPM("flip", "1.0.0", registry.NPMVersion{Size: tt.size})
				path := tarballPath("main", "flip", "1.0.0")
				s.serves(path, want)
				s.serves(path, want) // from memory
				index := s.ok(documentPath("main", "flip"))
				if when == "before the start" {
					s.close()
					s.damage(true, nil)
					s.open()
				} else {
					s.damage(false, nil)
				}
				for range 3 {
					r := s.get(path)
					if (r.status == http.StatusOK && r.err == nil) && !bytes.Equal(r.body, want) {
						t.Fatal("wrong bytes were served")
					}
					if r.status != http.StatusOK || r.err != nil {
						t.Errorf("GET %s: %d, %v, %s", path, r.status, r.err, r.body)
					}
					r = s.get(path, "Range", "bytes=100-199")
					if r.status != http.StatusPartialContent || !bytes.Equal(r.body, want[100:200]) {
						t.Errorf("a range: %d, %d bytes", r.status, len(r.body))
					}
					s.versions(documentPath("main", "flip"), "1.0.0")
				}
				if when == "while it runs" { // the same address: the same document
					if got := s.ok(documentPath("main", "flip")); !bytes.Equal(got, index) {
						t.Errorf("the index is another: %s", got)
					}
				}
			})
		}
	}
}

// TestFlippedBitOfPublished: where nobody can give the bytes again, there is an error, and no wrong byte.
func TestFlippedBitOfPublished(t *testing.T) {
	for _, quiet := range []bool{true, false} {
		s := start(t, setup{})
		r := sizedRelease("@acme/ui", "1.0.0", 1, 200_000)
		s.publish("main", r)
		s.serves(r.path("main"), r.tarball)
		s.serves(r.path("main"), r.tarball)
		if quiet {
			s.close()
		}
		s.damage(quiet, func(_ blob.Digest, size int64) bool { return size == int64(len(r.tarball)) })
		if quiet {
			s.open()
		}
		for range 3 {
			got := s.get(r.path("main"))
			if got.status != http.StatusInternalServerError || got.header.Get("X-Entrepot-Error") != "internal" {
				t.Errorf("quiet %v: %d %q, %v, %d bytes", quiet, got.status, got.header.Get("X-Entrepot-Error"), got.err, len(got.body))
			}
		}
		// Publishing the same bytes again heals it.
		if got := s.put("main", r); got.status != http.StatusCreated && got.status != http.StatusOK {
			t.Errorf("publishing again: %d %s", got.status, got.body)
		}
		s.serves(r.path("main"), r.tarball)
	}
}

// TestMissingBlobs: a store that lost files is filled again.
func TestMissingBlobs(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("lost", "1.0.0", registry.NPMVersion{Size: 320_000})
	path := tarballPath("main", "lost", "1.0.0")
	s.serves(path, want)
	s.versions(documentPath("main", "lost"), "1.0.0")
	s.close()
	s.must(os.RemoveAll(filepath.Join(s.dir, "blobs", "blobs")))
	s.open()
	s.versions(documentPath("main", "lost"), "1.0.0")
	s.serves(path, want)
}
