package pypi

import (
	"bytes"
	"io"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format/jsonrange"
)

func appendText(b []byte, key, value string) []byte {
	return jsonrange.AppendString(jsonrange.AppendKey(b, key), value)
}

// text takes the value that comes next if it is a string; else it is "".
func text(s *jsonrange.Scanner) (string, error) {
	if s.Kind() != jsonrange.String {
		return "", nil
	}
	return s.Text(maxText)
}

func bytesFragment(b []byte) cache.Fragment {
	return cache.Fragment{Doc: bytes.NewReader(b), Len: int64(len(b))}
}

// eachFile calls fn with the object of each file of a version. The object is valid until fn returns.
func eachFile(raw cache.Fragment, fn func(object []byte) error) error {
	s := jsonrange.New(io.MultiReader(strings.NewReader("["), raw.Reader(), strings.NewReader("]")))
	var object []byte
	err := s.Array(func() error {
		if s.Kind() != jsonrange.Object {
			return nil
		}
		var err error
		if object, err = s.Raw(object[:0], maxObject); err != nil {
			return err
		}
		return fn(object)
	})
	if err != nil {
		return err
	}
	return s.End()
}
