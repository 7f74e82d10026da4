package jsonrange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

var texts = []string{
	``, ` `, `{}`, `[]`, `0`, `-0`, `01`, `-`, `1.`, `1.5`, `1e5`, `1e`, `1E+2`, `.5`, `true`, `tru`, `truex`, `null`, `nul`,
	`"a"`, `"a`, `"\n\t\"\\\/\b\f\r"`, `"\u00e9"`, `"\u00g9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`,
	`"\x"`, "\"\x01\"", "\"\x7f\"", "\"\xff\"", "\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\"", "\"\xe6\x97\"", "\xef\xbb\xbf{}",
	`{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{,}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `[1,]`, `[,]`, `[1 2]`, `[[[]]]`, `[[[]]`, `]`, `}`,
	`{"a":{"b":[1,2,{"c":null}],"d":"e"},"f":false} `, `{} {}`, `[]x`, "{}\x00", "\x00", `{"a\u0062":[true]}`, `{"":""}`,
	`{"long":"` + strings.Repeat("abcdefg", 40) + `","n":` + strings.Repeat("1", 100) + `}`,
	"[" + strings.Repeat(" ", 100) + "]",
}

// readers are the ways in which a scanner may come by its bytes; windows of 16 bytes move all the time.
func readers(b []byte) map[string]*Scanner {
	return map[string]*Scanner{
		"bytes":       Bytes(b),
		"window":      New(bytes.NewReader(b)),
		"narrow":      sized(bytes.NewReader(b), 16),
		"byte wise":   sized(iotest.OneByteReader(bytes.NewReader(b)), 16),
		"early error": sized(iotest.DataErrReader(bytes.NewReader(b)), 17),
	}
}

func checkValid(t *testing.T, b []byte) {
	t.Helper()
	want := json.Valid(b) && utf8.Valid(b) && nesting(b) <= MaxDepth
	for name, s := range readers(b) {
		if err := s.End(); (err == nil) != want {
			t.Errorf("%s: %.100q: %v, want valid: %v", name, b, err, want)
		}
	}
}

func nesting(b []byte) int {
	depth, deepest := 0, 0
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		deepest = max(deepest, depth)
	}
}

func TestValidAsEncodingJSON(t *testing.T) {
	for _, text := range texts {
		checkValid(t, []byte(text))
	}
}

func TestDepth(t *testing.T) {
	for _, n := range []int{MaxDepth, MaxDepth + 1, 1_000_000} {
		err := Valid(strings.NewReader(strings.Repeat("[", n) + strings.Repeat("]", n)))
		if (err == nil) != (n <= MaxDepth) {
			t.Errorf("depth %d: %v", n, err)
		}
	}
}

// build makes the value that comes next, with every method of the scanner.
func build(s *Scanner) (any, error) {
	switch s.Kind() {
	case Object:
		m := make(map[string]any)
		err := s.Object(func(key []byte) error {
			k := string(key)
			v, err := build(s)
			m[k] = v
			return err
		})
		return m, err
	case Array:
		a := []any{}
		err := s.Array(func() error {
			v, err := build(s)
			a = append(a, v)
			return err
		})
		return a, err
	case String:
		r, err := s.TextReader()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		return string(b), err
	}
	b, err := s.Raw(nil, 1<<20)
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(b, &v)
}

func checkBuild(t *testing.T, b []byte) {
	t.Helper()
	var want any
	if json.Unmarshal(b, &want) != nil || !utf8.Valid(b) || nesting(b) > MaxDepth {
		return
	}
	for name, s := range readers(b) {
		got, err := build(s)
		if err == nil {
			err = s.End()
		}
		var tooLong *Error
		if errors.Is(err, ErrLimit) || errors.As(err, &tooLong) && len(b) > MaxKey {
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %.200q is %v (%v), want %v", name, b, got, err, want)
		}
	}
}

func TestValuesAsEncodingJSON(t *testing.T) {
	for _, text := range texts {
		checkBuild(t, []byte(text))
	}
}

func TestRanges(t *testing.T) {
	text := []byte(` {"a": [1, 2] ,"b":{"c":"d"},"e":-1.5e3,"f":"g","h":null}`)
	want := "a[1, 2] b{\"c\":\"d\"} e-1.5e3 f\"g\" hnull "
	for name, s := range readers(text) {
		var got strings.Builder
		err := s.Object(func(key []byte) error {
			k := string(key)
			r, err := s.Skip()
			fmt.Fprintf(&got, "%s%s ", k, text[r.Off:r.Off+r.Len])
			if first := text[r.Off]; err == nil && byte(r.Kind) != first && r.Kind != Number {
				t.Errorf("%s: %s is a %c", name, k, r.Kind)
			}
			return err
		})
		if err != nil || got.String() != want {
			t.Errorf("%s: %s (%v), want %s", name, got.String(), err, want)
		}
	}
}

func TestUntakenValuesAreSkipped(t *testing.T) {
	for name, s := range readers([]byte(`{"a":{"x":[1,{}]},"b":"c","d":[[],5]}`)) {
		keys := ""
		if err := s.Object(func(key []byte) error { keys += string(key); return nil }); err != nil || keys != "abd" {
			t.Errorf("%s: %s, %v", name, keys, err)
		}
		if err := s.End(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"a":1,"b" 2}`, "json: expected a colon at byte 11"},
		{`{"a":[1,}`, "json: expected a value at byte 8"},
		{`{"a":"`, "json: unexpected end at byte 6"},
		{"{\"a\":\"\xff\"}", "json: invalid UTF-8 at byte 6"},
		{`{} x`, "json: something follows the document at byte 3"},
	} {
		for name, s := range readers([]byte(c.text)) {
			if err := s.End(); err == nil || err.Error() != c.want {
				t.Errorf("%s: %s: %v, want %s", name, c.text, err, c.want)
			}
			if err := s.End(); err == nil {
				t.Errorf("%s: %s: the error is not final", name, c.text)
			}
		}
	}
}

func TestReadErrorIsKept(t *testing.T) {
	broken := errors.New("cable cut")
	err := Valid(io.MultiReader(strings.NewReader(`{"a":"b`), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestLimits(t *testing.T) {
	long := `{"` + strings.Repeat("k", MaxKey+1) + `":"` + strings.Repeat("v", 100_000) + `"}`
	if err := Valid(strings.NewReader(long)); err != nil {
		t.Errorf("skipping has no limit, but %v", err)
	}
	s := New(strings.NewReader(long))
	if err := s.Object(func([]byte) error { return nil }); !errors.Is(err, ErrLimit) {
		t.Errorf("a key past the limit: %v", err)
	}
	value := `"` + strings.Repeat("v", 100_000) + `"`
	if _, err := New(strings.NewReader(value)).Text(99_999); !errors.Is(err, ErrLimit) {
		t.Errorf("a text past the limit: %v", err)
	}
	if _, err := New(strings.NewReader(value)).Raw(nil, 99_999); !errors.Is(err, ErrLimit) {
		t.Errorf("a value past the limit: %v", err)
	}
	if b, err := New(strings.NewReader(value)).Raw([]byte("x"), 100_002); err != nil || string(b) != "x"+value {
		t.Errorf("a value at the limit: %d bytes, %v", len(b), err)
	}
	if text, err := New(strings.NewReader(value)).Text(100_000); err != nil || len(text) != 100_000 {
		t.Errorf("a text at the limit: %d bytes, %v", len(text), err)
	}
}

func TestWrongKind(t *testing.T) {
	s := Bytes([]byte(`[1]`))
	if err := s.Object(nil); err == nil {
		t.Error("an array is taken as an object")
	}
	s = Bytes([]byte(`[1]`))
	if _, err := s.Text(10); err == nil {
		t.Error("an array is taken as a string")
	}
	s = Bytes([]byte(`[1]`))
	if _, err := s.Skip(); err != nil {
		t.Error(err)
	}
	if _, err := s.Skip(); err == nil {
		t.Error("there is no second value")
	}
}

func FuzzValid(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkValid(t, b)
		checkBuild(t, b)
	})
}

// packument is about n bytes of what a registry sends.
func packument(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"name":"big","versions":{`)
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"1.0.%d":{"name":"big","version":"1.0.%d","description":"what it does, in a sentence or two","keywords":["one","two"],`+
			`"dependencies":{"left":"^1.2.3","right":"~4.5.6"},"scripts":{"test":"run all \"tests\" there are"},`+
			`"dist":{"integrity":"sha512-%0128d","tarball":"https://registry.example/big/-/big-1.0.%d.tgz","fileCount":42,"unpackedSize":123456}}`, i, i, i, i)
	}
	b.WriteString(`}}`)
	return b.Bytes()
}

func BenchmarkSkip(b *testing.B) {
	doc := packument(8 << 20)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Valid(bytes.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
	}
}
