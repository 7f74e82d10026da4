package cache

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"

	"entrepot/cache/blob"
)

// algorithms are the checksums that registries promise. The old ones cannot stop an attacker, and still tell a broken
// download from a whole one.
var algorithms = map[string]func() hash.Hash{
	"md5":    md5.New,
	"sha1":   sha1.New,
	"sha256": sha256.New,
	"sha384": sha512.New384,
	"sha512": sha512.New,
}

// summer computes the sums that were promised for bytes while they pass.
type summer struct {
	promised []Sum
	names    []string // the algorithms, each once
	hashes   map[string]hash.Hash
}

func newSummer(promised []Sum) (*summer, error) {
	s := &summer{promised: promised, hashes: make(map[string]hash.Hash, len(promised))}
	for _, p := range promised {
		if s.hashes[p.Algorithm] != nil {
			continue
		}
		h := algorithms[p.Algorithm]
		if h == nil {
			return nil, fmt.Errorf("a sum by the unknown algorithm %q is promised", p.Algorithm)
		}
		s.hashes[p.Algorithm] = h()
		s.names = append(s.names, p.Algorithm)
	}
	return s, nil
}

func (s *summer) write(p []byte) {
	for _, name := range s.names {
		s.hashes[name].Write(p)
	}
}

// sums returns what the bytes have.
func (s *summer) sums() []Sum {
	var sums []Sum
	for _, name := range s.names {
		sums = append(sums, Sum{name, s.hashes[name].Sum(nil)})
	}
	return sums
}

// verify returns blob.ErrCorrupt if a promise is not kept.
func (s *summer) verify() error {
	for _, p := range s.promised {
		if got := s.hashes[p.Algorithm].Sum(nil); !bytes.Equal(got, p.Value) {
			return fmt.Errorf("%w: %s is %x, and %x was promised", blob.ErrCorrupt, p.Algorithm, got, p.Value)
		}
	}
	return nil
}
