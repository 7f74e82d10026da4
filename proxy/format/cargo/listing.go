package cargo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

const (
	// maxIndex bounds a crate's file of the index, in bytes. The largest known take some ten million.
	maxIndex = 256 << 20
	// maxVersions bounds what a hostile file can make of its bytes; the longest known lists have some thousand.
	maxVersions = 200_000
)

// Listing reads a crate's file of the index, and config.json for where its files are.
func (Format) Listing(ctx context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	doc, err := get.Get(ctx, format.Query{Path: indexPath(p.Name), Max: maxIndex})
	if err != nil {
		return nil, err
	}
	l, err := readIndex(p, doc, doc.Size)
	if err != nil {
		doc.Close()
		return nil, &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("its index of %s: %w", p.Name, err)}
	}
	l.Closers = append(l.Closers, doc)
	c, err := readConfig(ctx, get)
	if err != nil {
		l.Close()
		return nil, err
	}
	head, err := json.Marshal(c)
	if err != nil {
		panic(err) // three plain values
	}
	l.Head = bytesFragment(head)
	return l, nil
}

func bytesFragment(b []byte) cache.Fragment {
	return cache.Fragment{Doc: bytes.NewReader(b), Len: int64(len(b))}
}

// readIndex reads the lines. One that describes no version of the crate is passed over, as cargo does; but a text
// without any is no index: a sign-in page must not look like a withdrawal.
func readIndex(p cache.Package, doc io.ReaderAt, size int64) (*cache.Listing, error) {
	l, known := &cache.Listing{Package: p}, make(map[string]int)
	var bad error
	err := eachLine(io.NewSectionReader(doc, 0, size), func(off int64, line []byte) error {
		e, err := readEntry(line)
		if err == nil && strings.ToLower(e.name) != p.Name {
			err = fmt.Errorf("a line is about %.100q", e.name)
		}
		if err != nil {
			bad = err
			return nil
		}
		v := cache.Version{
			Version: e.version, Published: e.published, Raw: cache.Fragment{Doc: doc, Off: off, Len: int64(len(line))},
		}
		if e.published.After(l.Modified) {
			l.Modified = e.published
		}
		if i, ok := known[e.version]; ok { // as in cargo, the last one counts
			l.Versions[i] = v
			return nil
		}
		if len(known) == maxVersions {
			return fmt.Errorf("it has more than %d versions", maxVersions)
		}
		known[e.version] = len(l.Versions)
		l.Versions = append(l.Versions, v)
		return nil
	})
	if err == nil && len(l.Versions) == 0 {
		err = bad
	}
	return l, err
}

// eachLine calls fn for each line that is not empty, without what ends it, and with where it begins. The line is valid
// until fn returns.
func eachLine(r io.Reader, fn func(off int64, line []byte) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	var long []byte // what has come of a line that is longer than the buffer
	for off := int64(0); ; {
		part, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, part...); len(long) > maxLine {
				return fmt.Errorf("a line takes more than %d bytes", maxLine)
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line := part
		if len(long) > 0 {
			long = append(long, part...)
			line = long
		}
		if text := bytes.TrimRight(line, "\r\n"); len(text) > 0 {
			if err := fn(off, text); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		off += int64(len(line))
		long = long[:0]
	}
}
