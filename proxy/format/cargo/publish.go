package cargo

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// maxMetadata bounds a publish's metadata, in bytes: it holds the readme.
const maxMetadata = 16 << 20

// upload is what a publish brings.
type upload struct {
	*metadata
	crate blob.Spool
	cksum string // SHA-256 of the .crate, in hexadecimal
}

// publish takes a version: its metadata and its .crate in one body.
func publish(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	u, err := receive(r, d)
	if err != nil {
		return err
	}
	defer u.crate.Close()
	if err := u.checkNames(r, d); err != nil {
		return err
	}
	line, err := u.line(u.cksum, time.Now())
	if err != nil {
		return err
	}
	if len(line) > maxLine {
		return fmt.Errorf("a line of %d bytes in the index, at most %d are taken: %w", len(line), maxLine, cache.ErrTooLarge)
	}
	p := packageOf(u.Name)
	meta, err := packageMeta(r.Context(), d, p, u.metadata)
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(u.cksum)
	if err != nil {
		return err
	}
	err = d.Publish(r.Context(), &format.Publication{
		Package: p, Version: u.Version, Meta: line, PackageMeta: meta,
		Assets: []format.File{{
			Name: assetName(p, u.Version), Spool: u.crate, Sums: []cache.Sum{{Algorithm: "sha256", Value: sum}},
			Check: func(r io.ReaderAt, size int64) error {
				return checkCrate(io.NewSectionReader(r, 0, size), u.Name, u.Version)
			},
		}},
	})
	if err != nil {
		return err
	}
	type warnings struct {
		Categories []string `json:"invalid_categories"`
		Badges     []string `json:"invalid_badges"`
		Other      []string `json:"other"`
	}
	writeJSON(w, http.StatusOK, map[string]warnings{"warnings": {[]string{}, []string{}, []string{}}})
	return nil
}

// receive reads the body: two parts, each after its length as 32 bits, the low byte first. The caller closes the
// spool.
func receive(r *http.Request, d format.Desk) (*upload, error) {
	n, err := length(r.Body)
	if err != nil {
		return nil, err
	}
	if n > maxMetadata {
		return nil, fmt.Errorf("metadata of %d bytes, at most %d are taken: %w", n, maxMetadata, cache.ErrTooLarge)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.Body, b); err != nil {
		return nil, cutShort(err)
	}
	u := new(upload)
	if u.metadata, err = readMetadata(b); err != nil {
		return nil, err
	}
	if n, err = length(r.Body); err != nil {
		return nil, err
	}
	if r.ContentLength >= 0 && n > r.ContentLength {
		return nil, cache.Invalidf("the body is shorter than the .crate of %d bytes that it announces", n)
	}
	if u.crate, err = d.Spool(r.Context(), n); err != nil {
		return nil, err
	}
	if err := u.fill(r.Body, n); err != nil {
		u.crate.Close()
		return nil, err
	}
	return u, nil
}

// fill takes the .crate, which is all that is left of the body.
func (u *upload) fill(body io.Reader, n int64) error {
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(u.crate, sum), body, n); err != nil {
		return cutShort(err)
	}
	if _, err := io.ReadFull(body, make([]byte, 1)); err == nil {
		return cache.Invalidf("the body goes on behind the .crate")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	u.cksum = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func length(r io.Reader) (int64, error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, cutShort(err)
	}
	return int64(binary.LittleEndian.Uint32(b[:])), nil
}

// cutShort says that a body ended too soon; other errors stay what they are.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return cache.Invalidf("the body is cut short")
	}
	return err
}

// errLooked ends an Edit that was for looking only.
var errLooked = errors.New("nothing to change")

// look shows fn what the repository itself holds of a package, if anything. It asks no registry: the name may be about
// to become private.
func look(r *http.Request, d format.Desk, p cache.Package, fn func(*cache.Holding) error) error {
	err := d.Edit(r.Context(), p, func(h *cache.Holding) error {
		if err := fn(h); err != nil {
			return err
		}
		return errLooked
	})
	if errors.Is(err, errLooked) || errors.Is(err, cache.ErrAbsent) {
		return nil
	}
	return err
}

// checkNames refuses a crate beside one whose name differs in letter case, "-" and "_" alone, and a version beside one
// that differs in build metadata alone: nobody could tell them apart.
func (u *upload) checkNames(r *http.Request, d format.Desk) error {
	p := packageOf(u.Name)
	for _, twin := range twins(p) {
		err := look(r, d, twin, func(h *cache.Holding) error {
			if len(h.Versions) == 0 {
				return nil
			}
			return conflict("the name %s differs from that of %s in - and _ alone", u.Name, twin.Name)
		})
		if err != nil {
			return err
		}
	}
	return look(r, d, p, func(h *cache.Holding) error {
		if name := readAbout(h.Meta).Name; name != "" && name != u.Name {
			return conflict("the crate %s is spelled %s", u.Name, name)
		}
		for i := range h.Versions {
			v := h.Versions[i].Version
			if v != u.Version && withoutBuild(v) == withoutBuild(u.Version) {
				return conflict("version %s of %s differs from %s in build metadata alone", u.Version, u.Name, v)
			}
		}
		return nil
	})
}

func conflict(why string, args ...any) error {
	return &cache.Invalid{Status: http.StatusConflict, Reason: fmt.Sprintf(why, args...)}
}
