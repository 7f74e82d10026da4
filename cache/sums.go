package cache

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"

	"entrepot/cache/blob"
)

// NewHash returns the hash of an algorithm as Sum names it, or nil.
func NewHash(algorithm string) hash.Hash {
	switch algorithm {
	case "md5":
		return md5.New()
	case "sha1":
		return sha1.New()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// Verify reads r to its end and compares its bytes with the sums; blob.ErrCorrupt if one of them differs. Sums of
// algorithms that are not known are an error too: what cannot be checked is not accepted.
func Verify(r io.Reader, sums []Sum) error {
	if len(sums) == 0 {
		return nil
	}
	hashes := make([]hash.Hash, len(sums))
	writers := make([]io.Writer, len(sums))
	for i, s := range sums {
		if hashes[i] = NewHash(s.Algorithm); hashes[i] == nil {
			return fmt.Errorf("unknown checksum algorithm %q", s.Algorithm)
		}
		writers[i] = hashes[i]
	}
	if _, err := io.Copy(io.MultiWriter(writers...), r); err != nil {
		return err
	}
	for i, s := range sums {
		if got := hashes[i].Sum(nil); !bytes.Equal(got, s.Value) {
			return fmt.Errorf("%s is %x, promised %x: %w", s.Algorithm, got, s.Value, blob.ErrCorrupt)
		}
	}
	return nil
}
