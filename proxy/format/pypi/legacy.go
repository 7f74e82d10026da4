package pypi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// maxLegacy is the largest document of the legacy API that is read; one with all releases has some MB.
const maxLegacy = 64 << 20

// legacy answers in the legacy JSON API: a project with its newest release, or one release. Files come from the merged
// listing, as everywhere; what is said about the release, and the vulnerabilities that are known in it, from the registry
// that it came from, or from the upload.
func legacy(w http.ResponseWriter, r *http.Request, want format.Want, view format.View, d format.Desk) error {
	l, err := d.Listing(r.Context(), want.Package)
	if err != nil {
		return err
	}
	defer l.Close()
	e := &encoder{w: w, l: l, base: view.Base, sized: true}
	status, _ := readStatus(l.Head)
	e.quarantined = status == quarantined
	v, err := e.choose(want.Version)
	if err != nil {
		return err
	}
	head, err := e.about(r.Context(), v, d)
	if err != nil {
		return err
	}
	e.b = append(e.b, head...)
	w.Header().Set("Content-Type", typePlainJSON)
	w.Header().Set("Cache-Control", "private, no-cache")
	if err := e.releases(v, want.Version == ""); err != nil {
		panic(http.ErrAbortHandler) // I4: the head may be out; the connection must not end cleanly
	}
	return nil
}

// choose finds the version that is asked for; of "", the newest that is not yanked, else the newest.
func (e *encoder) choose(version string) (*cache.Version, error) {
	if err := e.refused(); err != nil {
		return nil, err
	}
	var best *cache.Version
	bestYanked := false
	for i := range e.l.Versions {
		v := &e.l.Versions[i]
		if version != "" && v.Version == version && v.Refused != "" {
			return nil, &cache.Refused{Rule: "the rules for " + e.l.Package.Name + " " + version, Reason: v.Refused}
		}
		if !e.visible(v) || version != "" && v.Version != version {
			continue
		}
		gone, err := yankedWhole(v.Raw)
		if err != nil {
			return nil, err
		}
		if best == nil || bestYanked && !gone || bestYanked == gone && later(v.Version, best.Version) {
			best, bestYanked = v, gone
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%s has no such release: %w", e.l.Package.Name, cache.ErrAbsent)
	}
	return best, nil
}

// yankedWhole reports whether all files of a version are yanked.
func yankedWhole(raw cache.Fragment) (bool, error) {
	all := true
	err := eachFile(raw, func(object []byte) error {
		f, err := readFile(object)
		all = all && f.yanked != nil
		return err
	})
	return all, err
}

// about returns the beginning of the answer, an object that is not closed: "info" and what else does not list files.
func (e *encoder) about(ctx context.Context, v *cache.Version, d format.Desk) ([]byte, error) {
	getters, err := d.Getters(ctx, e.l.Package)
	if err != nil {
		return nil, err
	}
	for _, g := range getters {
		if g.Connection() != v.Origin.Connection {
			continue
		}
		b, err := e.theirs(ctx, v, g)
		if !errors.Is(err, cache.ErrAbsent) {
			return b, err
		}
	}
	return e.ours(v)
}

// theirs takes what the registry says about a release. Its legacy API stands beside its simple index; of one that has no
// documents of single releases, the project's serves if it is about that release.
func (e *encoder) theirs(ctx context.Context, v *cache.Version, g format.Getter) ([]byte, error) {
	at := "../pypi/" + url.PathEscape(e.l.Package.Name)
	b, _, err := e.document(ctx, g, at+"/"+url.PathEscape(v.Version)+"/json")
	if !errors.Is(err, cache.ErrAbsent) {
		return b, err
	}
	b, version, err := e.document(ctx, g, at+"/json")
	if said, _ := normaliseVersion(version); err == nil && said != v.Version {
		err = cache.ErrAbsent
	}
	return b, err
}

// document reads a document of the legacy API: all but its files, as an object that is not closed, and its version.
func (e *encoder) document(ctx context.Context, g format.Getter, path string) (b []byte, version string, err error) {
	doc, err := g.Get(ctx, format.Query{Path: path, Accept: typePlainJSON, Max: maxLegacy})
	if err != nil {
		return nil, "", err
	}
	defer doc.Close()
	b = []byte{'{'}
	s := jsonrange.New(doc.Reader())
	err = s.Object(func(key []byte) error {
		k := string(key)
		if k == "urls" || k == "releases" {
			return nil
		}
		var err error
		b = jsonrange.AppendKey(b, k)
		start := len(b)
		if b, err = s.Raw(b, maxLegacy); err == nil && k == "info" {
			version = versionIn(b[start:])
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return nil, "", &cache.Unavailable{Connection: g.Connection(), Err: fmt.Errorf("what it says about %s: %w", e.l.Package.Name, err)}
	}
	return b, version, nil
}

// versionIn reads the version of an info object; "" if it has none.
func versionIn(info []byte) (version string) {
	s := jsonrange.Bytes(info)
	if s.Kind() == jsonrange.Object {
		_ = s.Object(func(key []byte) error { // it was read before, so that it is an object
			var err error
			if string(key) == "version" {
				version, err = text(s)
			}
			return err
		})
	}
	return version
}

// ours says about a release what its upload said, or what its files do.
func (e *encoder) ours(v *cache.Version) ([]byte, error) {
	files, err := filesOf(v.Raw)
	if err != nil {
		return nil, err
	}
	var info []byte
	for i := range files {
		if info = files[i].info; info != nil {
			break
		}
	}
	if info == nil {
		info = append(appendText(appendText([]byte{'{'}, "name", e.l.Package.Name), "version", v.Version), '}')
	}
	b := jsonrange.AppendMember([]byte{'{'}, "info", info)
	return append(b, `,"last_serial":0,"vulnerabilities":[]`...), nil
}

// releases ends the answer with the files: of all releases, and of the one.
func (e *encoder) releases(one *cache.Version, all bool) error {
	if all {
		e.b = append(jsonrange.AppendKey(e.b, "releases"), '{')
		for i := range e.l.Versions {
			v := &e.l.Versions[i]
			if !e.visible(v) {
				continue
			}
			e.b = jsonrange.AppendKey(e.b, v.Version)
			if err := e.urls(v); err != nil {
				return err
			}
		}
		e.b = append(e.b, '}')
	}
	e.b = jsonrange.AppendKey(e.b, "urls")
	if err := e.urls(one); err != nil {
		return err
	}
	_, err := e.w.Write(append(e.b, "}\n"...))
	return err
}

// urls writes the files of a version.
func (e *encoder) urls(v *cache.Version) error {
	e.b = append(e.b, '[')
	err := eachFile(v.Raw, func(object []byte) error {
		f, err := readFile(object)
		if err != nil || f.name == "" {
			return err
		}
		if e.b[len(e.b)-1] == '}' {
			e.b = append(e.b, ',')
		}
		e.b = e.legacyFile(append(e.b, '{'), v.Version, &f)
		return e.spill()
	})
	e.b = append(e.b, ']')
	return err
}

// legacyFile appends a file as the legacy API has it.
func (e *encoder) legacyFile(b []byte, version string, f *file) []byte {
	b = append(jsonrange.AppendKey(b, "digests"), '{')
	md5 := ""
	for _, h := range f.hashes {
		b = appendText(b, h.algorithm, h.value)
		if h.algorithm == "md5" {
			md5 = h.value
		}
	}
	b = append(b, '}')
	b = appendText(b, "comment_text", "")
	b = append(jsonrange.AppendKey(b, "downloads"), "-1"...)
	b = appendText(b, "filename", f.name)
	b = strconv.AppendBool(jsonrange.AppendKey(b, "has_sig"), string(f.signed) == "true")
	b = appendText(b, "md5_digest", md5)
	kind, python := kindOf(f.name)
	b = appendText(b, "packagetype", kind)
	b = appendText(b, "python_version", python)
	b = appendOptional(b, "requires_python", f.requiresPython)
	b = strconv.AppendInt(jsonrange.AppendKey(b, "size"), max(f.size, 0), 10)
	if t := f.time(); !t.IsZero() {
		b = appendText(b, "upload_time", t.Format("2006-01-02T15:04:05"))
		b = appendText(b, "upload_time_iso_8601", t.Format("2006-01-02T15:04:05.000000Z"))
	}
	b = appendText(b, "url", e.base+"simple/"+e.l.Package.Name+"/"+link(version, f.name))
	b = strconv.AppendBool(jsonrange.AppendKey(b, "yanked"), f.yanked != nil)
	b = appendOptional(b, "yanked_reason", f.yankReason())
	return append(b, '}')
}

func appendOptional(b []byte, key, value string) []byte {
	if value == "" {
		return append(jsonrange.AppendKey(b, key), "null"...)
	}
	return appendText(b, key, value)
}

// kindOf returns the legacy names of a file's form and of the Python that it is for.
func kindOf(file string) (kind, python string) {
	if isWheel(file) {
		parts := strings.Split(file, "-")
		return "bdist_wheel", parts[max(len(parts)-3, 0)]
	}
	for ext, kind := range map[string]string{
		".egg": "bdist_egg", ".exe": "bdist_wininst", ".msi": "bdist_msi", ".rpm": "bdist_rpm", ".dmg": "bdist_dmg",
	} {
		if strings.HasSuffix(file, ext) {
			return kind, "any"
		}
	}
	return "sdist", "source"
}
