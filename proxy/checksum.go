package proxy

import (
	"context"
	"encoding/hex"
	"io"
	"slices"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// sum turns the answer with a document or an asset into the one with the checksum of its bytes, where that is what was
// asked for. kept are the checksums that are known of them. The checksum of a document is of the very rendering that
// is served to who asks for the document.
func (c *call) sum(ctx context.Context, a *answer, kept []cache.Sum) error {
	if c.want.Sum == "" {
		return nil
	}
	value, err := c.checksum(ctx, a, kept)
	if err != nil {
		return err
	}
	a.body = []byte(hex.EncodeToString(value))
	a.digest, a.size = blob.Sum(a.body), int64(len(a.body))
	a.etag = strongTag(a.digest)
	return nil
}

// checksum is the checksum of an answer's bytes: as it was kept, else computed.
func (c *call) checksum(ctx context.Context, a *answer, kept []cache.Sum) ([]byte, error) {
	if c.want.Sum == "sha256" {
		return a.digest[:], nil
	}
	if i := slices.IndexFunc(kept, func(s cache.Sum) bool { return s.Algorithm == c.want.Sum }); i >= 0 {
		return kept[i].Value, nil
	}
	f, err := c.domain.Blobs.Open(ctx, a.digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := cache.Compute(io.NewSectionReader(f, 0, a.size), c.want.Sum)
	return s.Value, err
}
