package generic

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"

	"entrepot/cache"
)

// algorithm is a checksum as headers name it.
type algorithm struct {
	name   string // cache.Sum's
	header string // in hexadecimal, as Artifactory's clients send it
	digest string // in Repr-Digest (RFC 9530) and Digest (RFC 3230), in lower case
	new    func() hash.Hash
}

var algorithms = []algorithm{
	{"sha256", "X-Checksum-Sha256", "sha-256", sha256.New},
	{"sha1", "X-Checksum-Sha1", "sha", sha1.New},
	{"md5", "X-Checksum-Md5", "md5", md5.New},
	{"sha512", "X-Checksum-Sha512", "sha-512", sha512.New},
}

// promised reads the sums that a client gives for its upload. What is malformed is an error; a Digest by an algorithm
// that we do not know is passed over, as its RFC says.
func promised(h http.Header) ([]cache.Sum, error) {
	var sums []cache.Sum
	for _, a := range algorithms {
		text := h.Get(a.header)
		if text == "" {
			continue
		}
		b, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(b) != a.new().Size() {
			return nil, cache.Invalidf("%s is no checksum in hexadecimal: %.200q", a.header, text)
		}
		sums = append(sums, cache.Sum{Algorithm: a.name, Value: b})
	}
	fields := []struct{ header, before, after string }{
		{"Content-Md5", "", ""}, {"Digest", "", ""}, {"Repr-Digest", ":", ":"}, {"Content-Digest", ":", ":"},
	}
	for _, f := range fields {
		for _, value := range h.Values(f.header) {
			if f.header == "Content-Md5" {
				value = "md5=" + value // RFC 1864: of the body, which is the file
			}
			more, err := readDigest(f.header, value, f.before, f.after)
			if err != nil {
				return nil, err
			}
			sums = append(sums, more...)
		}
	}
	return sums, nil
}

// readDigest reads ALGORITHM=BASE64, …; the value may have to stand between two signs.
func readDigest(header, value, before, after string) ([]cache.Sum, error) {
	var sums []cache.Sum
	for item := range strings.SplitSeq(value, ",") {
		name, text, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok {
			return nil, cache.Invalidf("%s is no list of checksums: %.200q", header, value)
		}
		a := named(strings.ToLower(strings.TrimSpace(name)))
		if a == nil {
			continue
		}
		text = strings.TrimSpace(text)
		inner, opened := strings.CutPrefix(text, before)
		inner, closed := strings.CutSuffix(inner, after)
		b, err := base64.StdEncoding.DecodeString(inner)
		if err != nil || len(b) != a.new().Size() || !opened || !closed {
			return nil, cache.Invalidf("%s has no checksum in base64 for %s: %.200q", header, name, value)
		}
		sums = append(sums, cache.Sum{Algorithm: a.name, Value: b})
	}
	return sums, nil
}

// named finds the algorithm of a digest; SHA-1 has two names.
func named(digest string) *algorithm {
	if digest == "sha-1" {
		digest = "sha"
	}
	for i := range algorithms {
		if algorithms[i].digest == digest {
			return &algorithms[i]
		}
	}
	return nil
}

// Annotate says the checksums of a file, in the forms in which they are taken.
func (*Format) Annotate(h http.Header, a cache.Asset) {
	h.Set("X-Checksum-Sha256", a.Digest.String())
	for _, s := range a.Sums {
		for _, known := range algorithms {
			if known.name == s.Algorithm {
				h.Set(known.header, hex.EncodeToString(s.Value))
			}
		}
	}
	sum := base64.StdEncoding.EncodeToString(a.Digest[:])
	h.Set("Digest", "sha-256="+sum)
	h.Set("Repr-Digest", "sha-256=:"+sum+":")
}
