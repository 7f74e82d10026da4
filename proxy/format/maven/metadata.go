package maven

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxMetadata bounds a maven-metadata.xml, in bytes. The longest known list some ten thousand versions in half a
// megabyte.
const maxMetadata = 16 << 20

// metadata is maven-metadata.xml, as far as it is read and written here (Maven's repository metadata model 1.1.0).
type metadata struct {
	XMLName      xml.Name    `xml:"metadata"`
	ModelVersion string      `xml:"modelVersion,attr,omitempty"`
	GroupID      string      `xml:"groupId,omitempty"`
	ArtifactID   string      `xml:"artifactId,omitempty"`
	Version      string      `xml:"version,omitempty"`
	Versioning   *versioning `xml:"versioning"`
	Plugins      *plugins    `xml:"plugins"`
}

type versioning struct {
	Latest           string            `xml:"latest,omitempty"`
	Release          string            `xml:"release,omitempty"`
	Snapshot         *snapshotBuild    `xml:"snapshot"`
	Versions         *versions         `xml:"versions"`
	LastUpdated      string            `xml:"lastUpdated,omitempty"`
	SnapshotVersions *snapshotVersions `xml:"snapshotVersions"`
}

// The lists are pointers to be left out where there are none; in what was read there always are.
type (
	plugins struct {
		List []plugin `xml:"plugin"`
	}
	versions struct {
		List []string `xml:"version"`
	}
	snapshotVersions struct {
		List []snapshotVersion `xml:"snapshotVersion"`
	}
)

// snapshotBuild names the newest build of a snapshot.
type snapshotBuild struct {
	Timestamp   string `xml:"timestamp,omitempty"`
	BuildNumber string `xml:"buildNumber,omitempty"`
	LocalCopy   bool   `xml:"localCopy,omitempty"`
}

// snapshotVersion is a file of it.
type snapshotVersion struct {
	Classifier string `xml:"classifier,omitempty" json:"classifier,omitempty"`
	Extension  string `xml:"extension" json:"extension"`
	Value      string `xml:"value" json:"value"`
	Updated    string `xml:"updated,omitempty" json:"updated,omitempty"`
}

// plugin is a plugin of a group: what a prefix on Maven's command line stands for.
type plugin struct {
	Name       string `xml:"name,omitempty" json:"name,omitempty"`
	Prefix     string `xml:"prefix" json:"prefix"`
	ArtifactID string `xml:"artifactId" json:"artifactId"`
}

// readMetadata reads a maven-metadata.xml; what comes after its first maxMetadata bytes is an error. Entities other than
// XML's own are too, and nothing outside of the document is ever read.
func readMetadata(r io.Reader) (*metadata, error) {
	limited := &io.LimitedReader{R: r, N: maxMetadata + 1}
	d := xml.NewDecoder(limited)
	d.CharsetReader = charset
	m := new(metadata)
	if err := d.Decode(m); err != nil {
		if limited.N <= 0 {
			err = fmt.Errorf("more than %d bytes", maxMetadata)
		}
		return nil, fmt.Errorf("%s: %w", metadataFile, err)
	}
	m.fill()
	m.trim()
	return m, nil
}

// fill puts empty parts in place of those that are not there.
func (m *metadata) fill() {
	m.Versioning = cmp.Or(m.Versioning, new(versioning))
	m.Plugins = cmp.Or(m.Plugins, new(plugins))
	m.Versioning.Versions = cmp.Or(m.Versioning.Versions, new(versions))
	m.Versioning.SnapshotVersions = cmp.Or(m.Versioning.SnapshotVersions, new(snapshotVersions))
}

// trim takes the white space from what is compared.
func (m *metadata) trim() {
	v := m.Versioning
	fields := []*string{&m.GroupID, &m.ArtifactID, &m.Version, &v.Latest, &v.Release, &v.LastUpdated}
	for i := range v.Versions.List {
		fields = append(fields, &v.Versions.List[i])
	}
	for i := range v.SnapshotVersions.List {
		f := &v.SnapshotVersions.List[i]
		fields = append(fields, &f.Classifier, &f.Extension, &f.Value, &f.Updated)
	}
	if s := v.Snapshot; s != nil {
		fields = append(fields, &s.Timestamp, &s.BuildNumber)
	}
	for i := range m.Plugins.List {
		p := &m.Plugins.List[i]
		fields = append(fields, &p.Name, &p.Prefix, &p.ArtifactID)
	}
	for _, f := range fields {
		*f = strings.TrimSpace(*f)
	}
}

// charset reads the encodings that metadata was ever written in besides UTF-8.
func charset(name string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "us-ascii", "ascii":
		return r, nil
	case "iso-8859-1", "latin1", "windows-1252":
		return latin1{r}, nil
	}
	return nil, fmt.Errorf("encoding %q", name)
}

// latin1 reads ISO-8859-1 as UTF-8.
type latin1 struct{ r io.Reader }

func (l latin1) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	half := make([]byte, len(p)/2) // a character takes two bytes at most
	n, err := l.r.Read(half)
	out := p[:0]
	for _, c := range half[:n] {
		out = append(out, string(rune(c))...)
	}
	return len(out), err
}

// write writes the document as Maven lays it out.
func (m *metadata) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(m); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// timeLayout is that of lastUpdated, in UTC.
const timeLayout = "20060102150405"

func parseTime(s string) time.Time {
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}
