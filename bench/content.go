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

const moduleName = "module.example/zip"

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
	l.registry.AddModule(moduleName, "v1.0.0", map[string]string{"data.bin": string(registry.Bytes(17_000, 1))})
}

// moduleZip is the target of the module's zip, as the registry gives it.
func (l *lab) moduleZip() (target, error) {
	const rest = "/" + moduleName + "/@v/v1.0.0.zip"
	req, err := http.NewRequest(http.MethodGet, l.listener.URL+"/go"+rest, nil)
	if err != nil {
		return target{}, err
	}
	body, err := fetch(req)
	return exactly("/go/"+benchRepository+rest, body), err
}

// publish adds a package with one tarball of about that size.
func (l *lab) publish(name string, size int64) (target, []byte) {
	body := l.registry.AddNPM(name, "1.0.0", registry.NPMVersion{Size: size, Seed: uint64(size)})
	return exactly(tarballPath(name, "1.0.0"), body), body
}

func tarballPath(name, version string) string {
	return fmt.Sprintf("/npm/%s/%s/-/%s-%s.tgz", benchRepository, name, name, version)
}
