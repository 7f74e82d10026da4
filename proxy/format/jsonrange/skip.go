package jsonrange

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// skip scans the value that starts at the next byte. It reports false, with s.err set, if there is none.
func (s *Scanner) skip() bool {
	switch c := s.peek(); c {
	case '"':
		s.pos++
		return s.skipString()
	case '{':
		return s.skipObject()
	case '[':
		return s.skipArray()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number(c)
	}
	s.fail("expected a value")
	return false
}

func (s *Scanner) skipObject() bool {
	if !s.deeper() {
		return false
	}
	c := s.peek()
	if c == '}' {
		return s.shallower()
	}
	for {
		if c != '"' {
			s.fail("expected a key")
			return false
		}
		s.pos++
		if !s.skipString() {
			return false
		}
		if s.peek() != ':' {
			s.fail("expected a colon")
			return false
		}
		s.pos++
		if !s.skip() {
			return false
		}
		switch s.peek() {
		case ',':
			s.pos++
			c = s.peek()
		case '}':
			return s.shallower()
		default:
			s.fail("expected a comma or the end of an object")
			return false
		}
	}
}

func (s *Scanner) skipArray() bool {
	if !s.deeper() {
		return false
	}
	if s.peek() == ']' {
		return s.shallower()
	}
	for {
		if !s.skip() {
			return false
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			return s.shallower()
		default:
			s.fail("expected a comma or the end of an array")
			return false
		}
	}
}

func (s *Scanner) deeper() bool {
	s.pos++
	if s.depth++; s.depth > MaxDepth {
		s.fail("nested too deep")
		return false
	}
	return true
}

func (s *Scanner) shallower() bool {
	s.pos++
	s.depth--
	return true
}

// skipString scans the rest of a string whose opening quote is taken.
func (s *Scanner) skipString() bool {
	for {
		s.pos += ordinary(s.buf[s.pos:s.end])
		if s.pos == s.end {
			if !s.more() {
				return false
			}
			continue
		}
		switch c := s.buf[s.pos]; {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			if _, n := s.escape(); n == 0 {
				return false
			}
		case c < ' ':
			s.fail("control character in a string")
			return false
		default:
			if !s.rune() {
				return false
			}
		}
	}
}

// ordinary counts the bytes at the start of b that are ASCII and mean nothing in a string. It looks at eight bytes at
// a time: most of an index is text, and this is what the speed of a scan comes from.
func ordinary(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	n := 0
	for len(b)-n >= 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		// The high bit of a byte is set if it is above 0x7f, below 0x20, a quote or a backslash. A borrow can only
		// spoil bytes behind one that is set already.
		m := (x | (x - ' '*ones) | (x ^ '"'*ones - ones) | (x ^ '\\'*ones - ones)) & highs
		if m != 0 {
			return n + bits.TrailingZeros64(m)/8
		}
		n += 8
	}
	for n < len(b) && b[n] >= ' ' && b[n] < utf8.RuneSelf && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

// rune takes characters beyond ASCII.
func (s *Scanner) rune() bool {
	for s.pos < s.end && s.buf[s.pos] >= utf8.RuneSelf {
		for !utf8.FullRune(s.buf[s.pos:s.end]) {
			if !s.more() {
				return false
			}
		}
		r, n := utf8.DecodeRune(s.buf[s.pos:s.end])
		if r == utf8.RuneError && n == 1 {
			s.fail("invalid UTF-8")
			return false
		}
		s.pos += n
	}
	return true
}

func (s *Scanner) literal(want string) bool {
	if !s.need(len(want)) || string(s.buf[s.pos:s.pos+len(want)]) != want {
		s.fail("expected " + want)
		return false
	}
	s.pos += len(want)
	return true
}

// number takes [-] int [frac] [exp].
func (s *Scanner) number(c byte) bool {
	if c == '-' {
		s.pos++
	}
	if s.digit() == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.at('.') {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		return s.digits()
	}
	return true
}

// digits takes one digit or more.
func (s *Scanner) digits() bool {
	if s.digit() == 0 {
		s.fail("expected a digit")
		return false
	}
	for s.digit() != 0 {
		s.pos++
	}
	return true
}

// digit returns the next byte if it is a digit, else 0.
func (s *Scanner) digit() byte {
	if s.pos == s.end && !s.soft(1) {
		return 0
	}
	if c := s.buf[s.pos]; c >= '0' && c <= '9' {
		return c
	}
	return 0
}

func (s *Scanner) at(c byte) bool {
	return (s.pos < s.end || s.soft(1)) && s.buf[s.pos] == c
}
