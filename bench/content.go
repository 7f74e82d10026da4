package main

import (
	"fmt"
	"net/http"
	"slices"

	"entrepot/bench/registry"
)

// The packument: so many versions make 130 KB of its abbreviated form, which is what npm asks for.
const (
	documentPackage  = "much-released"
	documentVersions = 186
)

const (
	moduleName = "module.example/zip"
	crateName  = "much-released"
)

// fill puts into the registry what is asked for.
func (l *lab) fill() {
	l.tarballs = map[int64]target{}
	for _, size := range []int64{3_000, 16_000, 320_000, 1_000_000, 16_000_000} {
		l.tarballs[size], _ = l.publish(fmt.Sprintf("sized-%d", size), size)
	}
	const from, to = 300_000, 300_000 + 64<<10
	whole, body := l.publish("partial", 1_000_000)
	l.part = exactly(whole.path, body[from:to])
	l.part.status = http.StatusPartialContent
	l.part.header = append(slices.Clip(whole.header), fmt.Sprintf("Range: bytes=%d-%d", from, to-1))

	for i := range documentVersions {
		l.registry.AddNPM(documentPackage, fmt.Sprintf("1.%d.0", i), registry.NPMVersion{Manifest: map[string]any{
			"description": "A package with a long history", "license": "MIT", "main": "index.js",
			"engines":      map[string]string{"node": ">=18"},
			"dependencies": map[string]string{"first-dependency": "^1.2.3", "second-dependency": "~4.5.6"},
		}})
	}
	l.addCrate()
	l.registry.AddModule(moduleName, "v1.0.0", map[string]string{"data.bin": string(registry.Bytes(17_000, 1))})
}

// addCrate adds a crate of 320 KB, and so many versions that its index has 130 KB as the packument.
func (l *lab) addCrate() {
	var deps []map[string]any
	for i := range 4 {
		deps = append(deps, map[string]any{"name": fmt.Sprintf("dependency-%d", i), "req": "^1.2.3"})
	}
	for i := range documentVersions {
		v := registry.CrateVersion{Deps: deps}
		if i == 0 {
			v.Size = 320_000
		}
		l.registry.AddCrate(crateName, fmt.Sprintf("1.%d.0", i), v)
	}
}

// asked is the target of a path of ours, as the registry answers another of its own.
func (l *lab) asked(path, registry string) (target, error) {
	req, err := http.NewRequest(http.MethodGet, l.listener.URL+registry, nil)
	if err != nil {
		return target{}, err
	}
	body, err := fetch(req)
	return exactly(path, body), err
}

// crateIndex is the target of a crate's file of the index.
func (l *lab) crateIndex() (target, error) {
	const rest = "/mu/ch/" + crateName
	return l.asked("/cargo/"+benchRepository+rest, "/cargo"+rest)
}

// crateFile is the target of a .crate.
func (l *lab) crateFile() (target, error) {
	const rest = "/" + crateName + "/1.0.0/download"
	return l.asked("/cargo/"+benchRepository+"/api/v1/crates"+rest, "/cargo/files"+rest)
}

// genericFile is the target of a file of 320 KB.
func (l *lab) genericFile() (target, error) {
	return l.asked("/generic/"+benchRepository+"/any/sized-320000/1.0.0/sized-320000-1.0.0.tgz", "/npm/sized-320000/-/sized-320000-1.0.0.tgz")
}

// moduleZip is the target of the module's zip, as the registry gives it.
func (l *lab) moduleZip() (target, error) {
	const rest = "/" + moduleName + "/@v/v1.0.0.zip"
	return l.asked("/go/"+benchRepository+rest, "/go"+rest)
}

// publish adds a package with one tarball of about that size.
func (l *lab) publish(name string, size int64) (target, []byte) {
	body := l.registry.AddNPM(name, "1.0.0", registry.NPMVersion{Size: size, Seed: uint64(size)})
	return exactly(tarballPath(name, "1.0.0"), body), body
}

func tarballPath(name, version string) string {
	return fmt.Sprintf("/npm/%s/%s/-/%s-%s.tgz", benchRepository, name, name, version)
}
