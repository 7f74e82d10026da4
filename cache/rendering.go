package cache

import (
	"time"

	"entrepot/cache/blob"
)

// Rendering is a document of ours that was rendered before: where its bytes are, plain and compressed. Its key is a
// digest of all that it was made from, so that it never becomes wrong; it becomes unreachable.
type Rendering struct {
	Key      [32]byte
	Digest   blob.Digest // of the plain bytes
	Size     int64
	Gzip     blob.Digest // of the same bytes, compressed; zero: not kept
	GzipSize int64
	Modified time.Time // what Last-Modified says; zero: nothing
	Created  time.Time // when it was rendered
}
