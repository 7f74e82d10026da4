package jsonrange

import (
	"errors"
	"fmt"
	"io"
)

// peek skips white space and returns the byte that follows, without taking it; 0, which no token starts with, at the end.
func (s *Scanner) peek() byte {
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\n', '\r':
				s.pos++
			default:
				if s.err != nil {
					return 0
				}
				return c
			}
		}
		if !s.more() {
			return 0
		}
	}
}

// more reads at least one byte more behind what is not yet scanned. It reports false, with s.err set, if there is none.
func (s *Scanner) more() bool {
	if s.err != nil {
		return false
	}
	if s.r == nil {
		s.err = &Error{s.base + int64(s.end), ended}
		return false
	}
	if !s.keep() {
		return false
	}
	s.base += int64(s.pos)
	s.end = copy(s.buf, s.buf[s.pos:s.end])
	s.pos = 0
	// A reader that gives nothing and no error a hundred times is broken (as bufio has it).
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		switch {
		case n > 0:
			return true
		case err == io.EOF:
			s.r = nil
			s.err = &Error{s.base + int64(s.end), ended}
			return false
		case err != nil:
			s.err = fmt.Errorf("json: at byte %d: %w", s.base+int64(s.end), err)
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// need reads until n bytes are in the window, and reports whether they are.
func (s *Scanner) need(n int) bool {
	for s.end-s.pos < n {
		if !s.more() {
			return false
		}
	}
	return true
}

// soft reads until n bytes are in the window, where the document may as well end before.
func (s *Scanner) soft(n int) bool {
	if s.err == nil && !s.need(n) && s.ended() {
		s.err = nil
	}
	return s.end-s.pos >= n
}

// ended reports whether the text came to its end, rather than to grief.
func (s *Scanner) ended() bool {
	e, ok := errors.AsType[*Error](s.err)
	return ok && e.Reason == ended
}

// keep moves what Raw wants out of the window.
func (s *Scanner) keep() bool {
	if s.mark < 0 {
		return true
	}
	if len(s.kept)+s.pos-s.mark > s.room {
		s.err = fmt.Errorf("json: at byte %d: %w", s.Offset(), ErrLimit)
		return false
	}
	s.kept = append(s.kept, s.buf[s.mark:s.pos]...)
	s.mark = 0
	return true
}
