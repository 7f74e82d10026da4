package pypi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// receive takes an upload. The file joins its release; the same bytes again change nothing, and others under the same
// name are refused with 409 and the words that twine looks for.
func receive(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	u, err := readUpload(r, d)
	if err != nil {
		return err
	}
	defer u.close()
	p, version, err := u.valid()
	if err != nil {
		return err
	}
	pub, err := u.publication(r.Context(), p, version, d)
	if pub != nil {
		for _, f := range pub.Assets[1:] {
			defer f.Spool.Close()
		}
	}
	if err != nil {
		return err
	}
	if err := d.Publish(r.Context(), pub); err != nil {
		if errors.Is(err, cache.ErrConflict) {
			return &cache.Invalid{Status: http.StatusConflict, Reason: fmt.Sprintf("%s already exists with other content: %v", u.file, err)}
		}
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "OK\n")
	return nil
}

// valid checks all that can be checked before the archive is opened, and says what is uploaded.
func (u *upload) valid() (p cache.Package, version string, err error) {
	if a := u.fields[":action"]; a != "" && a != "file_upload" {
		return p, "", cache.Invalidf("the action %.100q is none of ours; file_upload is", a)
	}
	if v := u.fields["protocol_version"]; v != "" && v != "1" {
		return p, "", cache.Invalidf("the protocol version %.100q is not 1", v)
	}
	name := u.fields["name"]
	if !validName(name) {
		return p, "", cache.Invalidf("%.100q is no project's name (PEP 508)", name)
	}
	p = project(normalise(name))
	version, ok := normaliseVersion(u.fields["version"])
	if !ok {
		return p, "", cache.Invalidf("%.100q is no version (PEP 440)", u.fields["version"])
	}
	if err := u.checkForm(); err != nil {
		return p, "", err
	}
	if said, ok := versionOf(p.Name, u.file); !ok || said != version {
		return p, "", cache.Invalidf("the file %s is not of %s %s, by its name", u.file, p.Name, version)
	}
	return p, version, u.checkSums()
}

// checkForm accepts wheels and source distributions, as the registry does.
func (u *upload) checkForm() error {
	wheel, source := isWheel(u.file), strings.HasSuffix(u.file, ".tar.gz") || strings.HasSuffix(u.file, ".zip")
	switch kind := u.fields["filetype"]; {
	case kind == "bdist_wheel" && wheel, kind == "sdist" && source, kind == "" && (wheel || source):
		return nil
	case kind != "" && kind != "bdist_wheel" && kind != "sdist":
		return cache.Invalidf("files of type %.100q are taken no more; wheels and source distributions are", kind)
	}
	return cache.Invalidf("the file %s is not what the field filetype says, %.100q", u.file, u.fields["filetype"])
}

// publication is what goes into the repository: the file, and beside it its core metadata, its provenance and its
// signature, as far as it has them. The first asset's spool is the upload's; the others' are closed by the caller, even
// with an error.
func (u *upload) publication(ctx context.Context, p cache.Package, version string, d format.Desk) (*format.Publication, error) {
	text, m, err := readMetadata(u.spool, u.spool.Size(), u.file)
	if err == nil {
		err = m.agrees(p, version)
	}
	if err != nil {
		return nil, cache.Invalidf("%s: %v", u.file, err)
	}
	pub := &format.Publication{
		Package: p, Version: version, Merge: true, Join: joinFiles, Assets: []format.File{{Name: u.file, Spool: u.spool}},
	}
	o := object{upload: u, version: version, metadata: m}
	if isWheel(u.file) {
		sum := blob.Sum(text)
		o.core = sum.String()
		if err := add(ctx, d, pub, u.file+metadataSuffix, text); err != nil {
			return pub, err
		}
	}
	if a := u.fields["attestations"]; a != "" {
		document, err := provenanceOf(a, u.file, u.sha256())
		if err != nil {
			return pub, err
		}
		o.attested = true
		if err := add(ctx, d, pub, u.file+provenanceSuffix, document); err != nil {
			return pub, err
		}
	}
	if u.signature != nil {
		if err := add(ctx, d, pub, u.file+signatureSuffix, u.signature); err != nil {
			return pub, err
		}
	}
	pub.Meta = o.encode()
	return pub, nil
}

// add spools a small asset.
func add(ctx context.Context, d format.Desk, pub *format.Publication, name string, b []byte) error {
	s, err := d.Spool(ctx, int64(len(b)))
	if err != nil {
		return err
	}
	pub.Assets = append(pub.Assets, format.File{Name: name, Spool: s})
	_, err = s.Write(b)
	return err
}

// object is what a file of ours says about itself, in the form of the simple index.
type object struct {
	*upload
	version  string
	metadata metadata
	core     string // digest of the core metadata; empty: it is not beside the file
	attested bool
}

func (o *object) encode() []byte {
	b := appendText([]byte{'{'}, "filename", o.file)
	b = appendText(b, "url", link(o.version, o.file))
	b = append(appendText(append(jsonrange.AppendKey(b, "hashes"), '{'), "sha256", hex.EncodeToString(o.sha256())), '}')
	b = appendOptional(b, "requires-python", o.metadata.one("requires-python"))
	b = strconv.AppendInt(jsonrange.AppendKey(b, "size"), o.spool.Size(), 10)
	b = appendText(b, "upload-time", time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))
	b = append(b, `,"yanked":false`...)
	if o.core != "" {
		b = append(appendText(append(jsonrange.AppendKey(b, "core-metadata"), '{'), "sha256", o.core), '}')
	}
	if o.attested {
		b = appendText(b, "provenance", o.file+provenanceSuffix)
	}
	if o.signature != nil {
		b = append(b, `,"gpg-sig":true`...)
	}
	return append(jsonrange.AppendMember(b, infoMember, o.metadata.info()), '}')
}

// joinFiles adds a file's object to those that a version has. Of a file that is there already, what came with it now
// and was missing is the provenance.
func joinFiles(old, added []byte) ([]byte, error) {
	f, err := readFile(added)
	if err != nil {
		return nil, err
	}
	var out []byte
	there := false
	err = eachFile(bytesFragment(old), func(object []byte) error {
		have, err := readFile(object)
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(out, object...)
		if have.name == f.name {
			there = true
			if have.provenance == "" && f.provenance != "" {
				out = append(appendText(out[:len(out)-1], "provenance", f.provenance), '}')
			}
		}
		return err
	})
	if err != nil || there {
		return out, err
	}
	if len(out) > 0 {
		out = append(out, ',')
	}
	return append(out, added...), nil
}
