// Package jsonrange reads JSON (RFC 8259) as ranges of bytes: it walks through a document with a window of 64 KiB and
// says where each value stands, without building values. So an index of 100 MB is listed in the memory of its names,
// and a part that we do not know is copied byte by byte.
//
// It is strict: what it accepts, encoding/json.Valid accepts, and besides it is valid UTF-8 and no deeper than
// MaxDepth. Members come in the order of the document; a repeated key comes as often as it stands there, and what that
// means is the caller's choice (JavaScript, and so every npm client, takes the last).
package jsonrange

import (
	"errors"
	"fmt"
	"io"
)

const (
	// MaxDepth is how deep values may nest. Registries' documents stay below 20; encoding/json allows 10,000.
	MaxDepth = 500
	// MaxKey is the longest key, in bytes, of a member that Object visits. Keys inside a skipped value have no limit.
	MaxKey = 4096

	window = 64 << 10 // beyond it the scan gets no faster, and a request should hold little
)

// Kind is the kind of a value: the first byte of its text, digits and minus being Number.
type Kind byte

// The kinds of a value.
const (
	Object Kind = '{'
	Array  Kind = '['
	String Kind = '"'
	Number Kind = '0'
	True   Kind = 't'
	False  Kind = 'f'
	Null   Kind = 'n'
)

// Range is where a value stands: Len bytes from offset Off of the document.
type Range struct {
	Off, Len int64
	Kind     Kind
}

// Error reports text that is no JSON, or past a limit, and at which byte.
type Error struct {
	Off    int64
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("json: %s at byte %d", e.Reason, e.Off) }

// ErrLimit is in the chain of errors about a value that is longer than the caller allowed.
var ErrLimit = errors.New("value is too long")

// Scanner reads one document from its start to its end. The methods that take a value (Skip, Raw, Text, TextReader,
// Object, Array) each take the one that comes next. Its first error is final: every later call returns it.
type Scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int   // what is read and not yet scanned is buf[pos:end]
	base     int64 // offset of buf[0] in the document
	depth    int
	next     bool // a value comes next
	err      error

	mark int    // where in buf what Raw keeps goes on; -1: nothing is kept
	kept []byte // what Raw has kept of earlier windows
	room int    // how long kept may become
	key  []byte
	char [4]byte // what an escape stands for
}

// New returns a scanner of what r gives.
func New(r io.Reader) *Scanner { return sized(r, window) }

func sized(r io.Reader, n int) *Scanner {
	return &Scanner{r: r, buf: make([]byte, n), next: true, mark: -1}
}

// Bytes returns a scanner of b. It copies nothing; Range.Off is an index of b.
func Bytes(b []byte) *Scanner {
	return &Scanner{buf: b, end: len(b), next: true, mark: -1}
}

// Offset is the number of bytes scanned.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// Kind is the kind of the value that comes next, or 0 if none does.
func (s *Scanner) Kind() Kind {
	if !s.next {
		return 0
	}
	switch c := s.peek(); c {
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	case '{', '[', '"', 't', 'f', 'n':
		return Kind(c)
	}
	return 0
}

// Skip takes a value and says where it stands.
func (s *Scanner) Skip() (Range, error) {
	kind, err := s.take()
	if err != nil {
		return Range{}, err
	}
	start := s.Offset()
	if !s.skip() {
		return Range{}, s.err
	}
	return Range{start, s.Offset() - start, kind}, nil
}

// Raw takes a value and appends its bytes to dst; ErrLimit if they are more than limit.
func (s *Scanner) Raw(dst []byte, limit int) ([]byte, error) {
	if _, err := s.take(); err != nil {
		return dst, err
	}
	s.mark, s.kept, s.room = s.pos, dst, len(dst)+limit
	ok := s.skip() && s.keep()
	kept := s.kept
	s.mark, s.kept = -1, nil
	if !ok {
		return dst, s.err
	}
	return kept, nil
}

// Object takes an object and calls fn for each member, standing before its value. A value that fn does not take is
// skipped. key is valid until fn returns or takes the value. fn's error ends the scan.
func (s *Scanner) Object(fn func(key []byte) error) error {
	if err := s.enter(Object, '{'); err != nil {
		return err
	}
	for c := s.peek(); c != '}'; {
		if c != '"' {
			return s.fail("expected a key")
		}
		s.pos++
		if err := s.member(fn); err != nil {
			return err
		}
		if c = s.peek(); c == ',' {
			s.pos++
			if c = s.peek(); c == '}' {
				return s.fail("comma before the end of an object")
			}
		} else if c != '}' {
			return s.fail("expected a comma or the end of an object")
		}
	}
	return s.leave()
}

func (s *Scanner) member(fn func(key []byte) error) error {
	var err error
	if s.key, err = s.text(s.key[:0], MaxKey); err != nil {
		return err
	}
	if s.peek() != ':' {
		return s.fail("expected a colon")
	}
	s.pos++
	return s.visit(func() error { return fn(s.key) })
}

// Array takes an array and calls fn before each element. An element that fn does not take is skipped. fn's error ends
// the scan.
func (s *Scanner) Array(fn func() error) error {
	if err := s.enter(Array, '['); err != nil {
		return err
	}
	for c := s.peek(); c != ']'; {
		if err := s.visit(fn); err != nil {
			return err
		}
		if c = s.peek(); c == ',' {
			s.pos++
			if c = s.peek(); c == ']' {
				return s.fail("comma before the end of an array")
			}
		} else if c != ']' {
			return s.fail("expected a comma or the end of an array")
		}
	}
	return s.leave()
}

// End takes the end of the document: nothing but white space may follow.
func (s *Scanner) End() error {
	if s.next {
		if _, err := s.Skip(); err != nil {
			return err
		}
	}
	if s.err != nil {
		return s.err
	}
	if s.peek(); s.pos < s.end {
		return s.fail("something follows the document")
	}
	if s.ended() {
		s.err = io.EOF
		return nil
	}
	return s.err
}

// Valid reports whether r holds one document and nothing else.
func Valid(r io.Reader) error { return New(r).End() }

// take starts the value that comes next.
func (s *Scanner) take() (Kind, error) {
	if s.err != nil {
		return 0, s.err
	}
	if !s.next {
		return 0, s.fail("no value comes next")
	}
	kind := s.Kind()
	if kind == 0 {
		return 0, s.fail("expected a value")
	}
	s.next = false
	return kind, nil
}

func (s *Scanner) enter(want Kind, open byte) error {
	kind, err := s.take()
	if err != nil {
		return err
	}
	if kind != want {
		return s.fail("expected " + string(open))
	}
	s.pos++
	if s.depth++; s.depth > MaxDepth {
		return s.fail("nested too deep")
	}
	return nil
}

func (s *Scanner) leave() error {
	s.pos++
	s.depth--
	s.next = false
	return s.err
}

func (s *Scanner) visit(fn func() error) error {
	if s.err != nil {
		return s.err
	}
	s.next = true
	if err := fn(); err != nil {
		if s.err == nil {
			s.err = err
		}
		return err
	}
	if s.next {
		if _, err := s.Skip(); err != nil {
			return err
		}
	}
	return s.err
}

// fail makes an error of what stands here, unless there was one before.
func (s *Scanner) fail(reason string) error {
	if s.err == nil {
		s.err = &Error{s.Offset(), reason}
	}
	return s.err
}

// ended is the reason of the error at the end of the text.
const ended = "unexpected end"
