package pypi

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format/jsonrange"
)

// maxText is the longest text of a file's object that is looked at: addresses, reasons for yanking.
const maxText = 16 << 10

// infoMember is where the object of a file of ours keeps what the legacy API calls info.
const infoMember = "_info"

// file is what we understand of a file's object.
type file struct {
	name, url      string
	hashes         []checksum
	requiresPython string
	size           int64 // -1: unknown
	uploaded       string
	provenance     string
	metadata       []byte // core-metadata as JSON: an object of hashes, or true; nil: there is none
	bare           bool   // the registry says that there is no core metadata
	yanked         []byte // as JSON: true or a reason; nil: it is not
	signed         []byte // gpg-sig as JSON: true or false; nil: unknown
	info           []byte // "_info", what the upload said of the release; nil: the file came from a registry
}

// checksum is a hash of a file as documents have it: the algorithm's name, and hexadecimal digits.
type checksum struct{ algorithm, value string }

// readFile reads a file's object. Members of a kind that they should not have count as missing.
func readFile(object []byte) (file, error) {
	f := file{size: -1}
	s := jsonrange.Bytes(object)
	err := s.Object(func(key []byte) error {
		var err error
		switch string(key) {
		case "filename":
			f.name, err = text(s)
		case "url":
			f.url, err = text(s)
		case "requires-python":
			f.requiresPython, err = text(s)
		case "upload-time":
			f.uploaded, err = text(s)
		case "provenance":
			f.provenance, err = text(s)
		case "hashes":
			f.hashes, err = readHashes(s)
		case "size":
			f.size, err = readSize(s)
		case "core-metadata", "dist-info-metadata", "data-dist-info-metadata":
			f.bare = f.bare || s.Kind() == jsonrange.False
			var m []byte
			if m, err = rawIf(s, jsonrange.Object, jsonrange.True); m != nil {
				f.metadata = m
			}
		case "yanked":
			f.yanked, err = rawIf(s, jsonrange.String, jsonrange.True)
		case "gpg-sig":
			f.signed, err = rawIf(s, jsonrange.False, jsonrange.True)
		case infoMember:
			f.info, err = rawIf(s, jsonrange.Object)
		}
		return err
	})
	return f, err
}

// rawIf takes a value that is of one of the kinds; else it is nil.
func rawIf(s *jsonrange.Scanner, kinds ...jsonrange.Kind) ([]byte, error) {
	for _, k := range kinds {
		if s.Kind() == k {
			return s.Raw(nil, maxObject)
		}
	}
	return nil, nil
}

func readHashes(s *jsonrange.Scanner) ([]checksum, error) {
	if s.Kind() != jsonrange.Object {
		return nil, nil
	}
	var all []checksum
	err := s.Object(func(key []byte) error {
		h := checksum{algorithm: strings.ToLower(string(key))}
		var err error
		if h.value, err = text(s); hexadecimal(h.value) && alphabetic(h.algorithm) {
			all = append(all, h)
		}
		return err
	})
	return all, err
}

func hexadecimal(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// alphabetic reports whether s can be the name of an algorithm, as hashlib has them.
func alphabetic(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func readSize(s *jsonrange.Scanner) (int64, error) {
	if s.Kind() != jsonrange.Number {
		return -1, nil
	}
	raw, err := s.Raw(nil, maxText)
	n, e := strconv.ParseInt(string(raw), 10, 64)
	if e != nil || n < 0 {
		n = -1
	}
	return n, err
}

// sumSizes are the algorithms that we can verify, with their sizes in bytes.
var sumSizes = map[string]int{"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}

// sums returns what can be verified of hashes.
func sums(hashes []checksum) []cache.Sum {
	var out []cache.Sum
	for _, h := range hashes {
		if b, err := hex.DecodeString(h.value); err == nil && len(b) == sumSizes[h.algorithm] {
			out = append(out, cache.Sum{Algorithm: h.algorithm, Value: b})
		}
	}
	return out
}

// metadataHashes are the hashes of the file's core metadata, if the document has any.
func (f *file) metadataHashes() []checksum {
	s := jsonrange.Bytes(f.metadata)
	if len(f.metadata) == 0 || s.Kind() != jsonrange.Object {
		return nil
	}
	hashes, _ := readHashes(s) // it was read before, so that it is an object
	return hashes
}

// yankReason is why a file was yanked: "" if nobody said so, or if it was not.
func (f *file) yankReason() string {
	s := jsonrange.Bytes(f.yanked)
	if len(f.yanked) == 0 || s.Kind() != jsonrange.String {
		return ""
	}
	reason, _ := s.Text(len(f.yanked)) // it was read before, so that it is a string
	return reason
}

// time is when the file was uploaded; zero if nobody says so.
func (f *file) time() time.Time { return parseTime(f.uploaded) }

func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
