package pypi

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format/jsonrange"
)

// appendString appends s as JSON, without the escapes that are meant for HTML.
func appendString(b []byte, s string) []byte {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(b, strings.TrimSuffix(text.String(), "\n")...)
}

// appendKey appends what stands before a member's value in an object that is open.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, key), ':')
}

func appendMember(b []byte, key string, value []byte) []byte {
	return append(appendKey(b, key), value...)
}

func appendText(b []byte, key, value string) []byte { return appendString(appendKey(b, key), value) }

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
