package npm

import (
	"context"
	"encoding/base64"
	"io"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

const (
	maxUpload = 2 << 30  // the service's limit on a publish
	maxBundle = 16 << 20 // a Sigstore bundle takes some 10 KiB
	maxTags   = 1000     // of one upload
)

// upload is the body of PUT PACKAGE: a packument with a tarball attached (a publish) or without (a change of what is
// published). It is read as it comes: the tarball goes to a spool, and of the versions only one manifest is kept.
type upload struct {
	s    *jsonrange.Scanner
	desk format.Desk
	ctx  context.Context // of the one call that reads the body

	name, rev   string
	tags        map[string]string
	deprecated  map[string]string // every version in the body, with its notice
	first       string            // the first version
	manifest    []byte            // of the first version
	maintainers []byte
	head        []byte // all other members, as an open object
	tarball     *tarball
	bundle      *bundle
}

// bundle is a Sigstore bundle, which npm attaches to a version with provenance.
type bundle struct {
	file string
	text string
}

func readUpload(ctx context.Context, body io.Reader, d format.Desk) (*upload, error) {
	u := &upload{desk: d, ctx: ctx, tags: make(map[string]string), deprecated: make(map[string]string), head: []byte{'{'}}
	r, err := gunzip(body, maxUpload)
	if err != nil {
		return nil, err
	}
	u.s = jsonrange.New(r)
	if err = u.s.Object(u.member); err == nil {
		err = u.s.End()
	}
	if err != nil {
		u.close()
		return nil, bodyError(err)
	}
	return u, nil
}

func (u *upload) close() {
	if u.tarball != nil {
		u.tarball.spool.Close()
	}
}

func (u *upload) member(key []byte) error {
	var err error
	switch k := string(key); k {
	case "name":
		u.name, err = u.s.Text(maxName)
	case "_rev":
		if u.s.Kind() == jsonrange.String {
			u.rev, err = u.s.Text(maxName)
		}
	case "dist-tags":
		err = u.s.Object(u.tag)
	case "versions":
		err = u.s.Object(u.version)
	case "_attachments":
		if u.s.Kind() == jsonrange.Object {
			err = u.s.Object(u.attachment)
		}
	case "maintainers":
		u.maintainers, err = u.s.Raw(nil, maxHead)
	case "time", "access", "_revisions", "policyRestrictions": // not for the client to say
	default:
		u.head = jsonrange.AppendKey(u.head, k)
		u.head, err = u.s.Raw(u.head, maxHead-len(u.head))
	}
	return err
}

func (u *upload) tag(key []byte) error {
	tag := string(key)
	v, err := u.s.Text(maxVersion)
	if err == nil && len(u.tags) == maxTags {
		return cache.Invalidf("more than %d tags", maxTags)
	}
	u.tags[tag] = v
	return err
}

func (u *upload) version(key []byte) error {
	v := string(key)
	if !servable(v) {
		return cache.Invalidf("%.100q is no version", v)
	}
	if len(u.deprecated) == maxVersions {
		return cache.ErrTooLarge
	}
	if u.first != "" && u.first != v {
		notice, err := readDeprecated(u.s)
		u.deprecated[v] = notice
		return err
	}
	var err error
	if u.manifest, err = u.s.Raw(u.manifest[:0], maxManifest); err != nil {
		return err
	}
	u.first = v
	u.deprecated[v], err = readDeprecated(jsonrange.Bytes(u.manifest))
	return err
}

// readDeprecated takes a manifest and returns its notice of deprecation.
func readDeprecated(s *jsonrange.Scanner) (notice string, err error) {
	err = s.Object(func(key []byte) error {
		if string(key) != "deprecated" || s.Kind() != jsonrange.String {
			return nil
		}
		var err error
		notice, err = s.Text(maxHead)
		return err
	})
	return notice, err
}

// attachment takes one file of _attachments; its data passes through the window into the spool.
func (u *upload) attachment(key []byte) error {
	file, length, size := string(key), "", int64(-1)
	err := u.s.Object(func(key []byte) error {
		var err error
		switch string(key) {
		case "length":
			var raw []byte
			raw, err = u.s.Raw(nil, 32)
			length = string(raw)
		case "data":
			size, err = u.data(file)
		}
		return err
	})
	if err != nil {
		return err
	}
	if size < 0 {
		return cache.Invalidf("the attachment %.200q has no data", file)
	}
	if u.bundle != nil && u.bundle.file == file {
		return nil // its length counts characters, not bytes
	}
	if length != "" && length != formatInt(size) {
		return cache.Invalidf("the attachment %.200q has %d bytes, not %s", file, size, length)
	}
	return nil
}

func (u *upload) data(file string) (int64, error) {
	switch {
	case strings.HasSuffix(file, ".sigstore") && u.bundle == nil:
		text, err := u.s.Text(maxBundle)
		u.bundle = &bundle{file, text}
		return int64(len(text)), err
	case !strings.HasSuffix(file, ".tgz") || u.tarball != nil:
		return 0, cache.Invalidf("the attachment %.200q is one too many: a publish has a tarball (.tgz) and at most one bundle (.sigstore)", file)
	}
	text, err := u.s.TextReader()
	if err != nil {
		return 0, err
	}
	spool, err := u.desk.Spool(u.ctx, 0)
	if err != nil {
		return 0, err
	}
	u.tarball = newTarball(file, spool)
	return u.tarball.fill(base64.NewDecoder(base64.StdEncoding, text))
}
