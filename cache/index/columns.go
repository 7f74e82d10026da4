package index

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// The columns that database/sql does not know how to read, and how each is written.

// timeColumn reads microseconds since 1970; NULL is the zero time.
type timeColumn struct{ *time.Time }

func (c timeColumn) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c.Time = time.Time{}
	case int64:
		*c.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time of type %T", src)
	}
	return nil
}

func timeValue(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// digestColumn reads 32 bytes; NULL is the zero digest.
type digestColumn struct{ *blob.Digest }

func (c digestColumn) Scan(src any) error {
	b, ok := src.([]byte)
	switch {
	case src == nil:
		*c.Digest = blob.Digest{}
	case !ok || len(b) != len(c.Digest):
		return fmt.Errorf("a digest of type %T with %d bytes", src, len(b))
	default:
		copy(c.Digest[:], b)
	}
	return nil
}

func digestValue(d blob.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// flagValue writes a number, which both databases take for a column of numbers; reading makes a bool of it by itself.
func flagValue(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// bytesValue writes NULL for what is empty, so that nil and empty are one thing.
func bytesValue(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// tagsColumn reads a JSON object; NULL is a nil map.
type tagsColumn struct{ tags *map[string]string }

func (c tagsColumn) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c.tags = nil
		return nil
	case string:
		return json.Unmarshal([]byte(v), c.tags)
	}
	return fmt.Errorf("tags of type %T", src)
}

func tagsValue(tags map[string]string) (any, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(tags)
	return string(b), err
}

// sumsColumn reads checksums.
type sumsColumn struct{ sums *[]cache.Sum }

func (c sumsColumn) Scan(src any) (err error) {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("sums of type %T", src)
	}
	*c.sums, err = parseSums(s)
	return err
}

// parseSums reads ALGORITHM:HEX, separated by single spaces.
func parseSums(s string) ([]cache.Sum, error) {
	if s == "" {
		return nil, nil
	}
	var sums []cache.Sum
	for word := range strings.SplitSeq(s, " ") {
		algorithm, digits, ok := strings.Cut(word, ":")
		value, err := hex.DecodeString(digits)
		if !ok || err != nil || algorithm == "" {
			return nil, fmt.Errorf("sum %q", word)
		}
		sums = append(sums, cache.Sum{Algorithm: algorithm, Value: value})
	}
	return sums, nil
}

// sumsText writes what parseSums reads.
func sumsText(sums []cache.Sum) (string, error) {
	var b strings.Builder
	for i, s := range sums {
		if s.Algorithm == "" || strings.ContainsAny(s.Algorithm, ": ") {
			return "", fmt.Errorf("sum of algorithm %q", s.Algorithm)
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.Algorithm)
		b.WriteByte(':')
		b.WriteString(hex.EncodeToString(s.Value))
	}
	return b.String(), nil
}
