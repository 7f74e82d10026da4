package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxFile bounds the configuration and each file that it names: the largest of a real installation are a few 100 KB.
const maxFile = 1 << 20

// Load reads a configuration with its defaults. The File is never nil, so that its Inputs can be watched; it is to be
// used only if the Diagnostics are empty. Relative paths in it have been resolved against its directory.
func Load(path string) (*File, Diagnostics) {
	src, err := readFile(path)
	if err != nil {
		f := Default()
		f.inputs = []string{absolute(path)}
		return f, Diagnostics{{Message: fmt.Sprintf("cannot read the configuration: %v", err)}}
	}
	return Parse(src, path)
}

// Parse reads a configuration from src. filename is what diagnostics call it; relative paths in it are taken from its
// directory.
func Parse(src []byte, filename string) (*File, Diagnostics) {
	f := &File{}
	env := &environment{dir: filepath.Dir(absolute(filename)), lookup: os.LookupEnv, environ: os.Environ}
	if len(src) > maxFile {
		return Default(), Diagnostics{{Message: fmt.Sprintf("%s is larger than %d bytes", filename, maxFile)}}
	}
	file, syntax := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	decoded := gohcl.DecodeBody(file.Body, env.context(), f)
	f.fill()
	f.resolve(env.dir)
	f.inputs = append([]string{absolute(filename)}, env.read...)
	f.src = src
	ds := append(fromHCL(syntax), fromHCL(decoded)...)
	ds = append(ds, check(f, incomplete(syntax), ds)...)
	ds = append(ds, Unsupported(f)...)
	return f, ds.sorted().excerpt(src)
}

// incomplete reports whether the parser may have left something out. It goes on after an attribute that is set twice.
func incomplete(syntax hcl.Diagnostics) bool {
	for _, d := range syntax {
		if d.Summary != "Attribute redefined" {
			return true
		}
	}
	return false
}

// resolve makes the paths of the configuration absolute.
func (f *File) resolve(dir string) {
	paths := []*string{&f.Storage.Dir}
	if f.TLS != nil {
		paths = append(paths, &f.TLS.Cert, &f.TLS.Key)
	}
	for i := range f.Connections {
		if a := f.Connections[i].Auth; a != nil {
			paths = append(paths, &a.Netrc)
		}
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return b, err
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
