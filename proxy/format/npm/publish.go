package npm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// put answers PUT PACKAGE and PUT PACKAGE/-rev/REV: with an attachment it publishes, without one it changes what
// is published.
func put(w http.ResponseWriter, r *http.Request, p cache.Package, rev string, d format.Desk) error {
	u, err := readUpload(r.Context(), r.Body, d)
	if err != nil {
		return err
	}
	defer u.close()
	if u.name != "" && u.name != fullName(p) {
		return cache.Invalidf("the body is about %.100q, the address about %s", u.name, fullName(p))
	}
	if u.tarball == nil && u.bundle == nil {
		if rev == "" {
			rev = u.rev
		}
		return update(w, r, p, rev, u, d)
	}
	if err := u.valid(p); err != nil {
		return err
	}
	rev, err = u.publish(r.Context(), p, d)
	if errors.Is(err, cache.ErrConflict) {
		// 403 and these words are the registry's; at 409 npm would send the tarball once more.
		return &cache.Invalid{
			Status: http.StatusForbidden, Reason: fmt.Sprintf("You cannot publish over the previously published versions: %s.", u.first),
		}
	}
	if err != nil {
		return err
	}
	writeDone(w, http.StatusCreated, p, rev)
	return nil
}

// valid checks all that can be checked before the tarball is opened.
func (u *upload) valid(p cache.Package) error {
	if err := publishable(p); err != nil {
		return err
	}
	switch {
	case u.tarball == nil:
		return cache.Invalidf("the upload has a bundle but no tarball")
	case len(u.deprecated) != 1:
		return cache.Invalidf("the upload has %d versions and one tarball", len(u.deprecated))
	case !strict(u.first):
		return cache.Invalidf("%.100q is no semantic version", u.first)
	case u.tarball.file != fullName(p)+"-"+u.first+".tgz" && u.tarball.file != p.Name+"-"+u.first+".tgz":
		return cache.Invalidf("the attachment %.200q is not %s-%s.tgz", u.tarball.file, fullName(p), u.first)
	}
	name, version, err := nameAndVersion(u.manifest)
	if err != nil {
		return bodyError(err)
	}
	if name != fullName(p) || version != u.first {
		return cache.Invalidf("the manifest says %.100q %.100q, the upload %s %s", name, version, fullName(p), u.first)
	}
	for tag, v := range u.tags {
		if err := parseTag(tag); err != nil {
			return err
		}
		if v != u.first {
			return cache.Invalidf("the tag %s is for %.100q, which the upload does not have", tag, v)
		}
	}
	d, err := readDist(bytesFragment(u.manifest))
	if err != nil {
		return bodyError(err)
	}
	return u.tarball.check(d.sums())
}

// publish hands the version to the desk.
func (u *upload) publish(ctx context.Context, p cache.Package, d format.Desk) (rev string, err error) {
	if len(u.tags) == 0 {
		u.tags["latest"] = u.first
	}
	before, err := holdingMeta(ctx, d, p)
	if err != nil {
		return "", err
	}
	_, latest := u.tags["latest"]
	publication := &format.Publication{
		Package: p, Version: u.first, Tags: u.tags,
		Assets: []format.File{{
			Name: Tarball, Spool: u.tarball.spool,
			Sums: []cache.Sum{{Algorithm: "sha1", Value: u.tarball.sum("sha1")}, {Algorithm: "sha512", Value: u.tarball.sum("sha512")}},
			Check: func(r io.ReaderAt, size int64) error {
				return checkTarball(io.NewSectionReader(r, 0, size), p, u.first)
			},
		}},
	}
	predicate := ""
	if u.bundle != nil {
		var file format.File
		if file, predicate, err = u.attest(ctx, d); err != nil {
			return "", err
		}
		defer file.Spool.Close()
		publication.Assets = append(publication.Assets, file)
	}
	var readme []byte
	if publication.Meta, readme, err = u.versionMeta(p, predicate, d.Identity().Name()); err != nil {
		return "", bodyError(err)
	}
	publication.PackageMeta, rev, err = u.packageMeta(p, before, readme, latest, d.Identity().Name())
	if err != nil {
		return "", bodyError(err)
	}
	return rev, d.Publish(ctx, publication)
}

// attest spools the attestations of the version as the file that clients ask for.
func (u *upload) attest(ctx context.Context, d format.Desk) (format.File, string, error) {
	document, predicate, err := u.bundle.attestations()
	if err != nil {
		return format.File{}, "", err
	}
	spool, err := d.Spool(ctx, int64(len(document)))
	if err != nil {
		return format.File{}, "", err
	}
	if _, err := spool.Write(document); err != nil {
		spool.Close()
		return format.File{}, "", err
	}
	return format.File{Name: Attestations, Spool: spool}, predicate, nil
}

// writeDone answers a change as CouchDB does, which npm's clients still expect.
func writeDone(w http.ResponseWriter, status int, p cache.Package, rev string) {
	writeJSON(w, status, struct {
		OK      bool   `json:"ok"`
		Success bool   `json:"success"`
		ID      string `json:"id"`
		Rev     string `json:"rev,omitempty"`
	}{true, true, fullName(p), rev})
}
