package npm

import (
	"bufio"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/format/jsonrange"
)

// gunzip returns what r says, unpacked if it is a gzip file, whatever a header says: clients and registries have both
// sent gzip bodies without Content-Encoding. Of either form, at most limit bytes are read; more is cache.ErrTooLarge.
func gunzip(r io.Reader, limit int64) (io.Reader, error) {
	b := bufio.NewReader(&capped{r, limit})
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil // an empty or a broken body is for whoever reads it
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, cache.Invalidf("the body is no gzip file: %v", err)
	}
	return &capped{z, limit}, nil
}

// capped gives at most n bytes, and cache.ErrTooLarge if there are more.
type capped struct {
	r io.Reader
	n int64
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.n+1 {
		p = p[:c.n+1]
	}
	n, err := c.r.Read(p)
	if c.n -= int64(n); c.n < 0 {
		return n - 1, cache.ErrTooLarge
	}
	return n, err
}

// bodyError says what is wrong with a body: errors of the client become *cache.Invalid or cache.ErrTooLarge, all
// others stay what they are.
func bodyError(err error) error {
	var (
		syntax  *jsonrange.Error
		letter  base64.CorruptInputError
		maximum *http.MaxBytesError
	)
	switch {
	case err == nil, errors.Is(err, cache.ErrTooLarge):
		return err
	case errors.Is(err, jsonrange.ErrLimit), errors.As(err, &maximum):
		return cache.ErrTooLarge
	case errors.As(err, &syntax):
		return cache.Invalidf("the body is not valid: %v", err)
	case errors.As(err, &letter):
		return cache.Invalidf("the attached data is no base64: %v", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return cache.Invalidf("the body is no gzip file: %v", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cache.Invalidf("the body is cut short")
	}
	return err
}

// readBody reads a small body whole.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := gunzip(r.Body, limit)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(body)
	return b, bodyError(err)
}
