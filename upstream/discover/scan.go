package discover

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
)

const (
	maxScan = 512 << 20 // the largest such programs have 100 MB
	window  = 1 << 20
	overlap = 512 // longer than what is looked for
)

// scan returns the first match of pattern in a file, as the program strings would find it; empty if there is none.
// Matches begin with prefix and are at most 512 bytes long: so most of the file is only searched for the prefix.
func scan(ctx context.Context, path string, prefix []byte, pattern *regexp.Regexp) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	buf, kept := make([]byte, overlap+window), 0
	for read := 0; read < maxScan && ctx.Err() == nil; {
		n, err := io.ReadFull(f, buf[kept:])
		if n == 0 && err != nil {
			return ""
		}
		read += n
		if m := match(buf[:kept+n], prefix, pattern); m != "" {
			return m
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return ""
		}
		kept = copy(buf, buf[max(0, kept+n-overlap):kept+n])
	}
	return ""
}

func match(b, prefix []byte, pattern *regexp.Regexp) string {
	for {
		i := bytes.Index(b, prefix)
		if i < 0 {
			return ""
		}
		b = b[i:]
		if m := pattern.FindIndex(b[:min(len(b), overlap)]); m != nil && m[0] == 0 {
			return string(b[:m[1]])
		}
		b = b[len(prefix):]
	}
}
