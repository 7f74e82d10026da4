package npm

import (
	"crypto/sha1" //nolint:gosec // npm's shasum; integrity is what protects
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"strconv"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format/jsonrange"
)

// tarball is an uploaded tarball on its spool, with its sums.
type tarball struct {
	file   string
	spool  blob.Spool
	hashes map[string]hash.Hash
}

func newTarball(file string, spool blob.Spool) *tarball {
	return &tarball{file: file, spool: spool, hashes: map[string]hash.Hash{
		"sha1": sha1.New(), "sha256": sha256.New(), "sha384": sha512.New384(), "sha512": sha512.New(), //nolint:gosec // as above
	}}
}

func (t *tarball) fill(r io.Reader) (int64, error) {
	w := []io.Writer{t.spool}
	for _, h := range t.hashes {
		w = append(w, h)
	}
	return io.Copy(io.MultiWriter(w...), r)
}

func (t *tarball) sum(algorithm string) []byte { return t.hashes[algorithm].Sum(nil) }

// shasum and integrity are the sums as a manifest has them.
func (t *tarball) shasum() string { return hex.EncodeToString(t.sum("sha1")) }

func (t *tarball) integrity() string {
	return "sha512-" + base64.StdEncoding.EncodeToString(t.sum("sha512"))
}

// check compares what the manifest promises with what came.
func (t *tarball) check(promised []cache.Sum) error {
	for _, s := range promised {
		if got := t.sum(s.Algorithm); string(got) != string(s.Value) {
			return cache.Invalidf("the tarball's %s is %x, but its manifest says %x", s.Algorithm, got, s.Value)
		}
	}
	return nil
}

// attestations turns a bundle into what the registry's endpoint says, and returns the type of its statement.
func (b *bundle) attestations() (document []byte, predicateType string, err error) {
	var parts struct {
		DSSEEnvelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	var statement struct {
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal([]byte(b.text), &parts); err != nil {
		return nil, "", cache.Invalidf("the bundle %.200q is not valid: %v", b.file, err)
	}
	if err := json.Unmarshal(parts.DSSEEnvelope.Payload, &statement); err != nil || statement.PredicateType == "" {
		return nil, "", cache.Invalidf("the bundle %.200q holds no statement", b.file)
	}
	document = append(document, `{"attestations":[{"predicateType":`...)
	document = jsonrange.AppendString(document, statement.PredicateType)
	document = append(document, `,"bundle":`...)
	document = append(document, b.text...)
	return append(document, "}]}"...), statement.PredicateType, nil
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
