package maven

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Promise says what a registry promises about an asset that is on its way: by the header of its answer where it says it
// there, else by the .sha1 beside it, which is the one checksum that every Maven registry has, else by the .sha256.
func (Format) Promise(ctx context.Context, a cache.AssetKey, h http.Header, get format.Getter) ([]cache.Sum, error) {
	if sums := promised(h); len(sums) > 0 {
		return sums, nil
	}
	ref, err := Format{}.Locate(a, nil)
	if err != nil {
		return nil, err
	}
	for _, algorithm := range []string{"sha1", "sha256"} {
		sum, err := beside(ctx, get, ref.URL, algorithm)
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return []cache.Sum{{Algorithm: algorithm, Value: sum}}, nil
	}
	return nil, nil
}

// promised reads the checksums of an answer's header.
func promised(h http.Header) []cache.Sum {
	var sums []cache.Sum
	for _, algorithm := range algorithms {
		if sum, ok := decodeSum(algorithm, h.Get("X-Checksum-"+algorithm)); ok {
			sums = append(sums, cache.Sum{Algorithm: algorithm, Value: sum})
		}
	}
	return sums
}

// beside asks for a checksum file. It is not kept: what it says is kept with the asset. A file that has no checksum in
// it promises nothing.
func beside(ctx context.Context, get format.Getter, url, algorithm string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"."+algorithm, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := get.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		if sum, ok := parseSum(algorithm, resp.Body); ok {
			return sum, nil
		}
		return nil, cache.ErrAbsent
	case http.StatusNotFound, http.StatusGone:
		return nil, cache.ErrAbsent
	}
	return nil, &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("%s.%s: it answered %s", url, algorithm, resp.Status)}
}

// checkOf is what a file must pass where no checksum is promised: that it is whole, as far as its kind can tell.
func checkOf(file string) func(io.ReaderAt, int64) error {
	switch path.Ext(file) {
	case ".jar", ".war", ".ear", ".aar", ".zip":
		return checkZip
	case ".pom", ".xml":
		return checkXML
	case ".module":
		return checkJSON
	}
	return nil
}

// checkZip checks that an archive begins as one and ends in a directory that lies within it (APPNOTE.TXT §4.3). It
// reads no entry, so that no archive can make it work.
func checkZip(r io.ReaderAt, size int64) error {
	const end, longest = 22, 22 + 0xffff // bytes: the end of the directory, without and with its comment
	if size < end {
		return errors.New("not a zip archive: it is too short")
	}
	tail := make([]byte, min(size, longest))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	at := strings.LastIndex(string(tail[:len(tail)-end+4]), "PK\x05\x06")
	if at < 0 {
		return errors.New("not a whole zip archive: it has no directory")
	}
	return nil
}

// maxText bounds a POM or a .module that is checked, in bytes: far above the largest known.
const maxText = 32 << 20

// checkXML checks that a document is well-formed, whatever it says.
func checkXML(r io.ReaderAt, size int64) error {
	if size > maxText {
		return fmt.Errorf("XML of %d bytes", size)
	}
	d := xml.NewDecoder(io.NewSectionReader(r, 0, size))
	d.Strict = false // old POMs have HTML's entities
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return latin1{r}, nil }
	for elements, depth := 0, 0; ; {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) && elements > 0 && depth == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a whole XML document: %w", err)
		}
		switch t.(type) {
		case xml.StartElement:
			elements++
			depth++
		case xml.EndElement:
			depth--
		}
	}
}

func checkJSON(r io.ReaderAt, size int64) error {
	if size > maxText {
		return fmt.Errorf("JSON of %d bytes", size)
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return err
	}
	if !json.Valid(b) {
		return errors.New("not a whole JSON document")
	}
	return nil
}
