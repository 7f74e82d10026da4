package golang

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/module"
)

// maxInfo bounds an .info, in bytes. Real ones have some hundred; Origin may hold an address.
const maxInfo = 64 << 10

// info is a version's .info. What else one holds (Origin …) is passed on and not read.
type info struct {
	Version string
	Time    *time.Time `json:",omitempty"`
}

// parseInfo reads an .info and checks that it is of a version that the module can have.
func parseInfo(mod string, b []byte) (info, error) {
	var i info
	if err := json.Unmarshal(b, &i); err != nil {
		return i, fmt.Errorf(".info: %w", err)
	}
	if len(i.Version) > maxName || module.CanonicalVersion(i.Version) != i.Version {
		return i, fmt.Errorf(".info of %.40q, which is no canonical version", i.Version)
	}
	if err := module.Check(mod, i.Version); err != nil {
		return i, fmt.Errorf(".info: %w", err)
	}
	return i, nil
}

// encode returns the .info as we publish it.
func (i info) encode() []byte {
	b, err := json.Marshal(i)
	if err != nil {
		panic(err) // a string and a time of this millennium
	}
	return b
}

// readSmall reads what is to be kept in memory.
func readSmall(r io.ReaderAt, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, fmt.Errorf("%d bytes, at most %d are taken", size, limit)
	}
	return io.ReadAll(io.NewSectionReader(r, 0, size))
}
