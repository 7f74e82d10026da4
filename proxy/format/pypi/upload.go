package pypi

import (
	"crypto/md5" //nolint:gosec // the protocol's; SHA-256 is what protects
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime/multipart"
	"net/http"

	"golang.org/x/crypto/blake2b"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

const (
	maxUpload    = 5 << 30  // the service's limit of an asset
	maxFields    = 64 << 20 // all fields of a form but the file; a description takes most
	maxForm      = 100_000  // of a form; each classifier and each dependency is one
	maxSignature = 64 << 10
)

// upload is the form of a legacy upload (docs of the registry, "Legacy API for uploading"). It is read as it comes: the
// file goes to a spool, and of the fields those are kept that are checked. What describes the release is read from the
// file itself, which nobody can misquote.
type upload struct {
	fields    map[string]string
	room      int64 // for fields that are still to come
	file      string
	spool     blob.Spool
	sums      map[string]hash.Hash // by the names of the fields that promise them
	signature []byte
}

// kept are the fields that are looked at.
var kept = map[string]bool{
	":action": true, "protocol_version": true, "name": true, "version": true, "filetype": true, "attestations": true,
	"md5_digest": true, "sha256_digest": true, "blake2_256_digest": true,
}

func readUpload(r *http.Request, d format.Desk) (*upload, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, cache.Invalidf("an upload is a form of type multipart/form-data: %v", err)
	}
	u := &upload{fields: make(map[string]string), room: maxFields}
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err == nil && n == maxForm {
			err = cache.ErrTooLarge
		}
		if err == nil {
			err = u.part(r, part, d)
		}
		if err != nil {
			u.close()
			return nil, formError(err)
		}
	}
	if u.spool == nil {
		return nil, cache.Invalidf("the form has no file in the field content")
	}
	return u, nil
}

// formError says what is wrong with a form that cannot be read. Errors of ours stay what they are.
func formError(err error) error {
	var maximum *http.MaxBytesError
	switch {
	case errors.As(err, &maximum):
		return cache.ErrTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cache.Invalidf("the form is cut short")
	case errors.Is(err, multipart.ErrMessageTooLarge):
		return cache.ErrTooLarge
	}
	return err
}

func (u *upload) close() {
	if u.spool != nil {
		u.spool.Close()
	}
}

func (u *upload) part(r *http.Request, part *multipart.Part, d format.Desk) error {
	name := part.FormName()
	switch {
	case name == "content":
		return u.content(r, part, d)
	case name == "gpg_signature":
		b, err := read(part, maxSignature)
		u.signature = b
		return err
	case part.FileName() != "":
		return cache.Invalidf("the form has a file in the field %.100q", name)
	}
	b, err := read(part, u.room)
	u.room -= int64(len(b))
	if _, twice := u.fields[name]; twice && kept[name] {
		return cache.Invalidf("the form has the field %s twice", name)
	}
	if kept[name] {
		u.fields[name] = string(b)
	}
	return err
}

// read reads at most limit bytes; more is cache.ErrTooLarge.
func read(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = cache.ErrTooLarge
	}
	return b, err
}

// content spools the file, and computes the sums that a form may promise.
func (u *upload) content(r *http.Request, part *multipart.Part, d format.Desk) error {
	if u.spool != nil {
		return cache.Invalidf("the form has two files")
	}
	if u.file = part.FileName(); !goodFile(u.file) {
		return cache.Invalidf("%.100q is no name for a file", u.file)
	}
	var err error
	if u.spool, err = d.Spool(r.Context(), r.ContentLength); err != nil {
		return err
	}
	blake, err := blake2b.New256(nil)
	if err != nil {
		return err
	}
	u.sums = map[string]hash.Hash{"md5_digest": md5.New(), "sha256_digest": sha256.New(), "blake2_256_digest": blake} //nolint:gosec // as above
	writers := []io.Writer{u.spool}
	for _, h := range u.sums {
		writers = append(writers, h)
	}
	n, err := io.Copy(io.MultiWriter(writers...), io.LimitReader(part, maxUpload+1))
	if err == nil && n > maxUpload {
		err = cache.ErrTooLarge
	}
	return err
}

// checkSums compares the file with what the form promises, in hexadecimal digits, or in base64 as the registry's
// documentation has it of MD5.
func (u *upload) checkSums() error {
	for field, h := range u.sums {
		promised := u.fields[field]
		if promised == "" {
			continue
		}
		got := h.Sum(nil)
		want, err := hex.DecodeString(promised)
		if err != nil {
			if want, err = base64.RawURLEncoding.DecodeString(trimPadding(promised)); err != nil {
				return cache.Invalidf("the field %s is no checksum", field)
			}
		}
		if string(want) != string(got) {
			return cache.Invalidf("the file does not match %s: it has %x", field, got)
		}
	}
	return nil
}

func trimPadding(s string) string {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	return s
}

func (u *upload) sha256() []byte { return u.sums["sha256_digest"].Sum(nil) }
