package maven

import (
	"context"
	"encoding/xml"
	"io"
	"strings"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

var _ format.Describer = Format{}

// maxPOM bounds a POM that is read to describe a version. The largest known have some hundred KiB.
const maxPOM = 16 << 20

// pom is what a POM says about itself; its parents are not followed, as the service does not.
type pom struct {
	Name        string       `xml:"name"`
	Description string       `xml:"description"`
	URL         string       `xml:"url"`
	SCM         string       `xml:"scm>url"`
	Licenses    []pomLicense `xml:"licenses>license"`
	Parent      *pomNeed     `xml:"parent"`
	Needs       []pomNeed    `xml:"dependencies>dependency"`
}

type pomLicense struct {
	Name string `xml:"name"`
	URL  string `xml:"url"`
}

type pomNeed struct {
	Group    string `xml:"groupId"`
	Artifact string `xml:"artifactId"`
	Version  string `xml:"version"`
	Scope    string `xml:"scope"`
	Optional string `xml:"optional"`
}

// Describe implements format.Describer.
func (Format) Describe(_ context.Context, v *cache.Stored, open func(string) (blob.File, error)) (*format.Description, error) {
	p, err := readPOM(v, open)
	if err != nil {
		return nil, err
	}
	summary := strings.Join(strings.Fields(p.Description), " ")
	d := &format.Description{DisplayName: strings.TrimSpace(p.Name), Summary: summary, HomePage: strings.TrimSpace(p.URL), SourceCodeRepository: strings.TrimSpace(p.SCM)}
	for _, l := range p.Licenses {
		d.Licenses = append(d.Licenses, format.License{Name: strings.TrimSpace(l.Name), URL: strings.TrimSpace(l.URL)})
	}
	if p.Parent != nil {
		d.Dependencies = append(d.Dependencies, p.Parent.dependency("parent"))
	}
	for _, n := range p.Needs {
		kind := strings.TrimSpace(n.Scope)
		switch {
		case strings.TrimSpace(n.Optional) == "true":
			kind = "optional"
		case kind == "":
			kind = "compile"
		}
		d.Dependencies = append(d.Dependencies, n.dependency(kind))
	}
	return d, nil
}

func (n *pomNeed) dependency(kind string) format.Dependency {
	return format.Dependency{
		Package: cache.Package{Format: "maven", Namespace: strings.TrimSpace(n.Group), Name: strings.TrimSpace(n.Artifact)},
		Kind:    kind, Requirement: strings.TrimSpace(n.Version),
	}
}

// Readme implements format.Describer: Maven has none.
func (Format) Readme(context.Context, *cache.Stored, func(string) (blob.File, error)) (string, error) {
	return "", cache.ErrAbsent
}

func readPOM(v *cache.Stored, open func(string) (blob.File, error)) (*pom, error) {
	for _, a := range v.Assets {
		if !strings.HasSuffix(a.Name, ".pom") {
			continue
		}
		f, err := open(a.Name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		d := xml.NewDecoder(io.NewSectionReader(f, 0, min(f.Size(), maxPOM)))
		d.Strict = false // old POMs have HTML's entities
		d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return latin1{r}, nil }
		p := &pom{}
		if d.Decode(p) != nil {
			return nil, cache.ErrAbsent // it says nothing that can be read
		}
		return p, nil
	}
	return nil, cache.ErrAbsent
}
