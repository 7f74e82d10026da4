package cargo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"entrepot/proxy/format/jsonrange"
)

// maxLine is what one version may take in an index, in bytes; the longest known take some hundred thousand.
const maxLine = 8 << 20

// pubtimeLayout is how an index writes when a version was published: in UTC, without a fraction (RFC 3923).
const pubtimeLayout = "2006-01-02T15:04:05Z"

// entry is what we look at of a line.
type entry struct {
	name, version string
	cksum         string          // SHA-256 of the .crate, 64 hexadecimal digits in lower case
	published     time.Time       // zero: it does not say
	yanked        jsonrange.Range // where the value stands; Len 0: nowhere
}

// readEntry reads a line. The error says why it describes no version.
func readEntry(line []byte) (*entry, error) {
	e, s := new(entry), jsonrange.Bytes(line)
	text := func(dst *string) (err error) {
		if s.Kind() == jsonrange.String {
			*dst, err = s.Text(2 * maxName)
		}
		return err
	}
	var pubtime string
	err := s.Object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			return text(&e.name)
		case "vers":
			return text(&e.version)
		case "cksum":
			return text(&e.cksum)
		case "pubtime":
			return text(&pubtime)
		case "yanked":
			e.yanked, err = s.Skip()
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return nil, err
	}
	e.cksum = strings.ToLower(e.cksum)
	e.published, _ = time.Parse(time.RFC3339, pubtime)
	return e, e.check()
}

func (e *entry) check() error {
	switch sum, err := hex.DecodeString(e.cksum); {
	case !readable(e.name):
		return fmt.Errorf("%.100q is no crate name", e.name)
	case !validVersion(e.version):
		return fmt.Errorf("%.100q is no version", e.version)
	case err != nil || len(sum) != 32:
		return errors.New("its cksum is no SHA-256")
	}
	return nil
}

// setYanked returns the line with another value of yanked.
func setYanked(line []byte, e *entry, yanked string) []byte {
	if e.yanked.Len == 0 {
		return appendMember(line, "yanked", yanked)
	}
	out := make([]byte, 0, len(line)+len(yanked))
	out = append(out, line[:e.yanked.Off]...)
	out = append(out, yanked...)
	return append(out, line[e.yanked.Off+e.yanked.Len:]...)
}

// appendMember returns a line, which is an object that is not empty, with one more member. value is JSON.
func appendMember(line []byte, key, value string) []byte {
	open := bytes.LastIndexByte(line, '}')
	out := append(make([]byte, 0, len(line)+len(key)+len(value)+4), line[:open]...)
	return append(out, `,"`+key+`":`+value+`}`...)
}
