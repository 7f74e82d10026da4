package pypi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

var _ format.Describer = Format{}

// core finds a version's core metadata: beside a wheel, within it, or within a source distribution.
func core(v *cache.Stored, open func(string) (blob.File, error)) ([]byte, metadata, error) {
	order := func(a cache.Asset) int {
		switch {
		case strings.HasSuffix(a.Name, metadataSuffix):
			return 0
		case isWheel(a.Name):
			return 1
		}
		return 2
	}
	files := slices.SortedStableFunc(slices.Values(v.Assets), func(a, b cache.Asset) int { return order(a) - order(b) })
	for _, a := range files {
		text, m, err := coreOf(a.Name, open)
		if err == nil {
			return text, m, nil
		}
	}
	return nil, nil, cache.ErrAbsent
}

func coreOf(name string, open func(string) (blob.File, error)) ([]byte, metadata, error) {
	f, err := open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(name, metadataSuffix) {
		return readMetadata(f, f.Size(), name)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, min(f.Size(), maxMetadata)))
	return text, parseMetadata(text), err
}

// Describe implements format.Describer.
func (Format) Describe(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (*format.Description, error) {
	_, m, err := core(v, open)
	if err != nil {
		return nil, err
	}
	d := &format.Description{DisplayName: m.one("name"), Summary: m.one("summary"), HomePage: m.one("home-page")}
	for _, address := range m["project-url"] {
		label, url, _ := strings.Cut(address, ",")
		switch strings.ToLower(strings.Join(strings.Fields(label), "")) {
		case "homepage":
			d.HomePage = strings.TrimSpace(url)
		case "source", "sourcecode", "repository", "github", "code":
			d.SourceCodeRepository = strings.TrimSpace(url)
		}
	}
	for _, field := range []string{"license-expression", "license"} {
		if name, _, _ := strings.Cut(m.one(field), "\n"); name != "" && name != "UNKNOWN" {
			d.Licenses = append(d.Licenses, format.License{Name: name})
			break
		}
	}
	for _, need := range m["requires-dist"] {
		end := strings.IndexFunc(need, func(r rune) bool { return strings.ContainsRune(" ([;<>=!~@", r) })
		if end < 0 {
			end = len(need)
		}
		if name := need[:end]; validName(name) {
			d.Dependencies = append(d.Dependencies, format.Dependency{Package: project(normalise(name)), Requirement: strings.TrimSpace(need[end:])})
		}
	}
	return d, nil
}

// Readme implements format.Describer: the description, which follows the headers or is one of them.
func (Format) Readme(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (string, error) {
	text, _, err := core(v, open)
	if err != nil {
		return "", err
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	head, body, _ := bytes.Cut(text, []byte("\n\n"))
	if readme := strings.TrimLeft(string(body), "\n"); readme != "" {
		return strings.ToValidUTF8(readme, "\uFFFD"), nil
	}
	if readme, err := describedIn(string(head)); err == nil {
		return readme, nil
	}
	return "", cache.ErrAbsent
}

var errNoDescription = errors.New("no description")

// describedIn reads a Description header; its further lines begin with white space and, as old tools write it, a bar.
func describedIn(head string) (string, error) {
	_, after, ok := strings.Cut("\n"+head, "\nDescription:")
	if !ok {
		return "", errNoDescription
	}
	lines := strings.Split(after, "\n")
	out := []string{strings.TrimSpace(lines[0])}
	for _, line := range lines[1:] {
		if line == "" || line[0] != ' ' && line[0] != '\t' {
			break
		}
		line = strings.TrimPrefix(line, "        ")
		out = append(out, strings.TrimPrefix(strings.TrimPrefix(line, "       "), "|"))
	}
	return strings.ToValidUTF8(strings.Join(out, "\n"), "\uFFFD"), nil
}
