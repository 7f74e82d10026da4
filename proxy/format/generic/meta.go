package generic

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"entrepot/cache"
)

// meta is a version's metadata.
type meta struct {
	Assets []file `json:"assets"`
}

// file is what a list says about a file.
type file struct {
	Name      string    `json:"name"`
	Size      int64     `json:"size"` // in bytes
	Published time.Time `json:"published"`
	SHA256    string    `json:"sha256"`
	SHA1      string    `json:"sha1"`
	MD5       string    `json:"md5"`
	SHA512    string    `json:"sha512,omitempty"` // where the publisher gave it
	URL       string    `json:"url,omitempty"`    // in answers only
}

// readMeta reads a version's metadata; of what came from elsewhere there is none.
func readMeta(b []byte) (meta, error) {
	var m meta
	if len(b) == 0 {
		return m, nil
	}
	err := json.Unmarshal(b, &m)
	return m, err
}

func (m *meta) encode() ([]byte, error) { return marshal(m) }

func (m *meta) index(asset string) int {
	return slices.IndexFunc(m.Assets, func(f file) bool { return f.Name == asset })
}

// Join makes one metadata of a version's and that of files which join it (format.Publication.Join). Files that are there
// stay as they are.
func (*Format) Join(old, added []byte) ([]byte, error) {
	m, err := readMeta(old)
	if err != nil {
		return nil, err
	}
	more, err := readMeta(added)
	if err != nil {
		return nil, err
	}
	for _, f := range more.Assets {
		if m.index(f.Name) < 0 {
			m.Assets = append(m.Assets, f)
		}
	}
	return m.encode()
}

// describe is a file that has just come.
func describe(name string, size int64, sums []cache.Sum) file {
	f := file{Name: name, Size: size, Published: time.Now().UTC().Truncate(time.Second)}
	for _, s := range sums {
		text := hex.EncodeToString(s.Value)
		switch s.Algorithm {
		case "sha256":
			f.SHA256 = text
		case "sha1":
			f.SHA1 = text
		case "md5":
			f.MD5 = text
		case "sha512":
			f.SHA512 = text
		}
	}
	return f
}

// marshal is json.Marshal without the escapes that are meant for HTML: & may be in names.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
