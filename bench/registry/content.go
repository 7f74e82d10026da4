package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"time"
)

// Bytes returns n bytes that do not compress, always the same for a seed.
func Bytes(n int64, seed uint64) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b) // never fails
	return b
}

// file is content with its validator.
type file struct {
	bytes       []byte
	contentType string
	etag        string
	modified    time.Time
}

func newFile(b []byte, contentType string, modified time.Time) *file {
	sum := sha256.Sum256(b)
	return &file{b, contentType, `"` + hex.EncodeToString(sum[:16]) + `"`, modified}
}

// serve answers with the file: HEAD, ranges and conditions included. A nil file is absent.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	if f == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("ETag", f.etag)
	http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.bytes))
}
