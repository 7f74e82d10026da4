package discover

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const central = "central" // the id of the repository that Maven has built in

// mavenCentral reads Maven's files; none of its programs is run.
func mavenCentral() []probe {
	return []probe{
		{"Maven's settings.xml", mavenMirror},
		builtin(probe{"Maven", mavenDefault}),
		builtin(probe{"Gradle", gradleConstant("MAVEN_CENTRAL_URL")[0].ask}),
	}
}

// settings is what matters of settings.xml.
type settings struct {
	Mirrors []struct {
		MirrorOf string `xml:"mirrorOf"`
		URL      string `xml:"url"`
		Blocked  bool   `xml:"blocked"`
	} `xml:"mirrors>mirror"`
}

// mavenMirror returns the mirror of central that the user's settings name, or else those of the installation.
func mavenMirror(_ context.Context, m *machine) (answer, error) {
	files := []string{m.home(".m2", "settings.xml")}
	for _, home := range mavenHomes(m) {
		files = append(files, filepath.Join(home, "conf", "settings.xml"))
	}
	for _, file := range files {
		b, err := readSmall(file)
		if err != nil {
			continue
		}
		var s settings
		if err := xml.Unmarshal(b, &s); err != nil {
			continue
		}
		for _, mirror := range s.Mirrors {
			if !mirror.Blocked && mirrors(mirror.MirrorOf, central) {
				return answer{urls: []string{m.expand(mirror.URL)}}, nil
			}
		}
	}
	return answer{}, errUnset
}

// mirrors reports whether a mirrorOf list has the repository: by its id, or by * or external:*, unless by !id.
func mirrors(list, id string) bool {
	var elements []string
	for e := range strings.SplitSeq(list, ",") {
		elements = append(elements, strings.TrimSpace(e))
	}
	return !slices.Contains(elements, "!"+id) &&
		(slices.Contains(elements, id) || slices.Contains(elements, "*") || slices.Contains(elements, "external:*"))
}

// expand puts variables of the environment in: ${env.NAME}.
func (m *machine) expand(s string) string {
	before, after, ok := strings.Cut(s, "${env.")
	if !ok {
		return s
	}
	name, rest, ok := strings.Cut(after, "}")
	if !ok {
		return s
	}
	return before + m.getenv(name) + m.expand(rest)
}

// mavenHomes returns where Maven may be installed: around its program, as packagers lay it out, and as it is told.
func mavenHomes(m *machine) []string {
	var homes []string
	if program, err := m.look("mvn"); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			home := filepath.Dir(filepath.Dir(real))
			homes = append(homes, home, filepath.Join(home, "libexec"))
		}
	}
	for _, name := range []string{"MAVEN_HOME", "M2_HOME"} {
		if home := m.getenv(name); filepath.IsAbs(home) {
			homes = append(homes, home)
		}
	}
	return homes
}

// superPOM is what matters of the POM that all others inherit from.
type superPOM struct {
	Repositories []struct {
		ID  string `xml:"id"`
		URL string `xml:"url"`
	} `xml:"repositories>repository"`
}

// mavenDefault reads the super POM in Maven's own libraries.
func mavenDefault(_ context.Context, m *machine) (answer, error) {
	for _, home := range mavenHomes(m) {
		for _, pattern := range []string{"maven-model-builder-*.jar", "maven-impl-*.jar"} { // Maven 3, 4
			jars, _ := filepath.Glob(filepath.Join(home, "lib", pattern))
			for _, jar := range jars {
				b, err := readEntry(jar, func(name string) bool {
					return strings.HasPrefix(path.Base(name), "pom-4.") && strings.HasSuffix(name, ".xml")
				})
				var pom superPOM
				if err != nil || xml.Unmarshal(b, &pom) != nil {
					continue
				}
				for _, r := range pom.Repositories {
					if r.ID == central {
						return answer{urls: []string{r.URL}}, nil
					}
				}
			}
		}
	}
	return answer{}, errUnset
}

// readEntry returns the first file of an archive whose name is wanted; at most 1 MiB of it.
func readEntry(archive string, wanted func(name string) bool) ([]byte, error) {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for _, f := range z.File {
		if !wanted(f.Name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, maxSettings))
	}
	return nil, errUnset
}
