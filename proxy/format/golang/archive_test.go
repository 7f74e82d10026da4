package golang

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

var testModule = module.Version{Path: "example.com/m", Version: "v1.0.0"}

const testPrefix = "example.com/m@v1.0.0/"

// zipOf packs names and bodies, in pairs.
func zipOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// below packs files below the test module's root.
func below(t testing.TB, files ...string) []byte {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		files[i] = testPrefix + files[i]
	}
	return zipOf(t, files...)
}

func open(b []byte) (*archive, error) {
	return openArchive(testModule, bytes.NewReader(b), int64(len(b)))
}

// layouts are zips of which the go command has an opinion. It is asked for it.
func layouts(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"empty":                 below(t),
		"plain":                 below(t, "go.mod", "module example.com/m\n", "a/b.go", "package a"),
		"directories":           below(t, "", "", "a/", "", "a/b.go", "package a", "c/", ""),
		"vendor":                below(t, "vendor/x/y.go", "package y", "vendor/modules.txt", ""),
		"unicode":               below(t, "straße/ñ.go", "", "世界.txt", ""),
		"wrong prefix":          zipOf(t, "example.com/m@v1.0.1/go.mod", ""),
		"no prefix":             zipOf(t, "go.mod", ""),
		"dot segments":          below(t, "../../etc/passwd", ""),
		"dot segment inside":    below(t, "a/../b", ""),
		"absolute":              below(t, "/etc/passwd", ""),
		"backslash":             below(t, `a\b`, ""),
		"windows name":          below(t, "con.txt", ""),
		"control character":     below(t, "a\x01b", ""),
		"not UTF-8":             below(t, "a\xffb", ""),
		"two of a name":         below(t, "a", "1", "a", "2"),
		"case":                  below(t, "README", "", "readme", ""),
		"case of a directory":   below(t, "Doc/a", "", "doc/b", ""),
		"folded unicode":        below(t, "k", "", "\u212a", ""),
		"file and directory":    below(t, "a", "", "a/b", ""),
		"directory, then file":  below(t, "a/b", "", "a", ""),
		"directory twice":       below(t, "a/", "", "a/", ""),
		"nested go.mod":         below(t, "a/go.mod", ""),
		"go.mod in capitals":    below(t, "GO.MOD", ""),
		"go.mod as a directory": below(t, "go.mod/", ""),
		"large go.mod":          declared(t, below(t, "go.mod", ""), modzip.MaxGoMod+1),
		"large LICENSE":         declared(t, below(t, "LICENSE", ""), modzip.MaxLICENSE+1),
		"large in all":          declared(t, below(t, "a", ""), modzip.MaxZipFile+1),
		"size beyond int64":     declared(t, below(t, "a", ""), 0xfffffffe),
		"no zip":                []byte("<!doctype html>"),
		"cut off":               below(t, "a", "b")[:60],
	}
}

// declared changes the unpacked size that the directory of a zip with one file says.
func declared(t testing.TB, b []byte, size uint32) []byte {
	t.Helper()
	b = bytes.Clone(b)
	i := bytes.Index(b, []byte("PK\x01\x02"))
	if i < 0 {
		t.Fatal("no directory")
	}
	binary.LittleEndian.PutUint32(b[i+24:], size)
	return b
}

func TestLayoutAsTheGoCommandSeesIt(t *testing.T) {
	for name, b := range layouts(t) {
		_, got := open(b)
		if want := checkZip(t, b); (got == nil) != (want == nil) {
			t.Errorf("%s: we say %v, the go command %v", name, got, want)
		}
	}
}

func checkZip(t testing.TB, b []byte) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.zip")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := modzip.CheckZip(testModule, file)
	return err
}

func TestSymbolicLinksAreRefused(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	h := &zip.FileHeader{Name: testPrefix + "link"}
	h.SetMode(0o777 | fs.ModeSymlink)
	if _, err := w.CreateHeader(h); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := open(buf.Bytes()); err == nil {
		t.Error("a symbolic link is accepted")
	}
}

func TestHash(t *testing.T) {
	b := below(t, "go.mod", "module example.com/m\n", "a/b.go", "package a", "a/", "")
	a, err := open(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.hash(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Directories are no part of a go.sum line.
	file := filepath.Join(t.TempDir(), "m.zip")
	if err := os.WriteFile(file, below(t, "go.mod", "module example.com/m\n", "a/b.go", "package a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if want, err := dirhash.HashZip(file, dirhash.Hash1); err != nil || got != want {
		t.Errorf("%s, want %s (%v)", got, want, err)
	}
}

func TestBombsAreRefused(t *testing.T) {
	bomb := declared(t, below(t, "a", strings.Repeat("\x00", 1<<20)), 100)
	a, err := open(bomb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.hash(t.Context()); err == nil {
		t.Error("a megabyte that is declared as 100 bytes is unpacked")
	}
}

func TestDirectoryIsBounded(t *testing.T) {
	// A directory of one entry, over and over: each takes 60 KB, and the end of the zip admits to one.
	one := below(t, strings.Repeat("a", 60_000), "")
	start, end := bytes.Index(one, []byte("PK\x01\x02")), bytes.Index(one, []byte("PK\x05\x06"))
	zip := bytes.Repeat(one[start:end], maxDirectory/60_000+1)
	zip = append(zip, one[end:]...)
	binary.LittleEndian.PutUint32(zip[len(zip)-6:], 0) // where the directory begins
	binary.LittleEndian.PutUint32(zip[len(zip)-10:], uint32(len(zip)-22))
	if _, err := open(zip); err == nil || !strings.Contains(err.Error(), "its directory is larger") {
		t.Errorf("a directory of %d bytes: %.200v", len(zip), err)
	}
}

// TestFilesMayExceedTheDirectorysBound shows that the bound is on listing alone.
func TestFilesMayExceedTheDirectorysBound(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.CreateHeader(&zip.FileHeader{Name: testPrefix + "large", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, maxDirectory+1)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	a, err := open(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.hash(t.Context()); err != nil {
		t.Error(err)
	}
}

func FuzzArchive(f *testing.F) {
	for _, b := range layouts(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := open(b)
		if err != nil {
			return
		}
		if want := checkZip(t, b); want != nil {
			t.Errorf("we accept what the go command does not: %v", want)
		}
		a.hash(t.Context())
		a.mod()
	})
}
