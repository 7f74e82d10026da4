package jsonrange

import (
	"encoding/json"
	"strings"
)

// AppendString appends s as a JSON string, without the escapes that are meant for HTML.
func AppendString(b []byte, s string) []byte {
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

// AppendKey appends what stands before a member's value in an object that is open: "{" and what was appended before.
func AppendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(AppendString(b, key), ':')
}

// AppendMember appends a member, whose value is JSON, to an object that is open.
func AppendMember(b []byte, key string, value []byte) []byte {
	return append(AppendKey(b, key), value...)
}
