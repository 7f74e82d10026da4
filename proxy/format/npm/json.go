package npm

import (
	"encoding/json"
	"strings"

	"entrepot/cache"
)

// appendString appends s as JSON, without the escapes that are meant for HTML.
func appendString(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(b, strings.TrimSuffix(text.String(), "\n")...)
}

// appendMember appends a member to an object that is open: "{" and what was appended before.
func appendMember(b []byte, key string, value []byte) []byte {
	return append(appendKey(b, key), value...)
}

// appendKey appends what stands before a member's value.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, key), ':')
}

// parseString reads a body that is one JSON string.
func parseString(b []byte) (string, error) {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return "", cache.Invalidf("the body is no JSON string: %v", err)
	}
	return s, nil
}
