package maven

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"entrepot/cache"
)

// algorithms are those of checksum files, by their extensions, the best last.
var algorithms = []string{"md5", "sha1", "sha256", "sha512"}

var hashes = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// sizes are those of the sums, in bytes.
var sizes = map[string]int{"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}

// cutSum cuts the extension of a checksum file.
func cutSum(file string) (of, algorithm string) {
	dot := strings.LastIndexByte(file, '.')
	if dot > 0 && sizes[file[dot+1:]] > 0 {
		return file[:dot], file[dot+1:]
	}
	return file, ""
}

// maxSum bounds a checksum file, in bytes. The longest kind has a file name behind the sum.
const maxSum = 1 << 10

// parseSum reads a checksum file: the sum in hex, alone or before the file's name, as old tools wrote it.
func parseSum(algorithm string, r io.Reader) ([]byte, bool) {
	text, err := io.ReadAll(io.LimitReader(r, maxSum+1))
	if err != nil || len(text) > maxSum {
		return nil, false
	}
	fields := bytes.Fields(text)
	if len(fields) == 0 {
		return nil, false
	}
	return decodeSum(algorithm, string(fields[0]))
}

func decodeSum(algorithm, text string) ([]byte, bool) {
	sum, err := hex.DecodeString(text)
	return sum, err == nil && len(sum) == sizes[algorithm]
}

// sumOf is the checksum of a stored asset, or nil if it was not kept.
func sumOf(a cache.Asset, algorithm string) []byte {
	if algorithm == "sha256" {
		return a.Digest[:]
	}
	for _, s := range a.Sums {
		if s.Algorithm == algorithm {
			return s.Value
		}
	}
	return nil
}

// summer computes what is kept of a file beside its digest.
type summer map[string]hash.Hash

func newSummer() summer {
	return summer{"md5": md5.New(), "sha1": sha1.New(), "sha512": sha512.New()}
}

func (s summer) Write(p []byte) (int, error) {
	for _, h := range s {
		h.Write(p)
	}
	return len(p), nil
}

func (s summer) sums() []cache.Sum {
	var sums []cache.Sum
	for _, algorithm := range algorithms {
		if h := s[algorithm]; h != nil {
			sums = append(sums, cache.Sum{Algorithm: algorithm, Value: h.Sum(nil)})
		}
	}
	return sums
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// headerCase is an algorithm's name in the canonical form of a header.
func headerCase(algorithm string) string { return strings.ToUpper(algorithm[:1]) + algorithm[1:] }
