package jsonrange

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Text takes a string and returns what it says; ErrLimit if that is more than limit bytes.
func (s *Scanner) Text(limit int) (string, error) {
	if err := s.openString(); err != nil {
		return "", err
	}
	b, err := s.text(nil, limit)
	return string(b), err
}

// TextReader takes a string and returns a reader of what it says, which must be read to its end before the scanner is
// used again. So a string of any length passes through the window.
func (s *Scanner) TextReader() (io.Reader, error) {
	if err := s.openString(); err != nil {
		return nil, err
	}
	return &textReader{s: s}, nil
}

type textReader struct {
	s    *Scanner
	rest []byte // of the last chunk; it lives in the scanner's window
	done bool
}

func (r *textReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.rest) == 0 {
			if r.done {
				break
			}
			var ok bool
			if r.rest, r.done, ok = r.s.chunk(); !ok {
				return n, r.s.err
			}
			continue
		}
		m := copy(p[n:], r.rest)
		n, r.rest = n+m, r.rest[m:]
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *Scanner) openString() error {
	kind, err := s.take()
	if err != nil {
		return err
	}
	if kind != String {
		return s.fail("expected a string")
	}
	s.pos++
	return nil
}

// text appends to dst what the string says whose opening quote is taken.
func (s *Scanner) text(dst []byte, limit int) ([]byte, error) {
	start := len(dst)
	for {
		chunk, done, ok := s.chunk()
		if !ok {
			return dst, s.err
		}
		if len(dst)-start+len(chunk) > limit {
			s.err = fmt.Errorf("json: at byte %d: %w", s.Offset(), ErrLimit)
			return dst, s.err
		}
		dst = append(dst, chunk...)
		if done {
			return dst, nil
		}
	}
}

// chunk returns the next part of what a string says, valid until the window moves, and whether the string is done.
func (s *Scanner) chunk() (b []byte, done, ok bool) {
	if s.pos == s.end && !s.more() {
		return nil, false, false
	}
	start := s.pos
	s.pos += ordinary(s.buf[s.pos:s.end])
	if s.pos > start {
		return s.buf[start:s.pos], false, true
	}
	switch c := s.buf[s.pos]; {
	case c == '"':
		s.pos++
		return nil, true, true
	case c == '\\':
		r, n := s.escape()
		return utf8.AppendRune(s.char[:0], r), false, n > 0
	case c < ' ':
		s.fail("control character in a string")
		return nil, false, false
	}
	for !utf8.FullRune(s.buf[s.pos:s.end]) {
		if !s.more() {
			return nil, false, false
		}
	}
	r, n := utf8.DecodeRune(s.buf[s.pos:s.end])
	if r == utf8.RuneError && n == 1 {
		s.fail("invalid UTF-8")
		return nil, false, false
	}
	s.pos += n
	return s.buf[s.pos-n : s.pos], false, true
}

// escape takes an escape and returns the character that it stands for and its length; 0 if it is none. Half a surrogate
// pair stands for U+FFFD, as in encoding/json.
func (s *Scanner) escape() (rune, int) {
	if !s.need(2) {
		return 0, 0
	}
	switch c := s.buf[s.pos+1]; c {
	case '"', '\\', '/':
		s.pos += 2
		return rune(c), 2
	case 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return controls[c], 2
	case 'u':
	default:
		s.fail("unknown escape")
		return 0, 0
	}
	if !s.need(6) {
		return 0, 0
	}
	r, ok := hex4(s.buf[s.pos+2:])
	if !ok {
		s.fail("expected four hexadecimal digits")
		return 0, 0
	}
	if utf16.IsSurrogate(r) && s.soft(12) && s.buf[s.pos+6] == '\\' && s.buf[s.pos+7] == 'u' {
		if low, ok := hex4(s.buf[s.pos+8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				s.pos += 12
				return pair, 12
			}
		}
	}
	if s.err != nil {
		return 0, 0
	}
	s.pos += 6
	return r, 6
}

var controls = [...]rune{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func hex4(b []byte) (rune, bool) {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
