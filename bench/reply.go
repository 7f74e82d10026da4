package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// reply is the head of a response, as far as the driver looks at it.
type reply struct {
	status  int
	length  int64 // of the body in bytes; -1: it is chunked
	gzip    bool
	closing bool // the server will close the connection
}

// readReply reads a head of HTTP/1.1, faster than net/http does: what the driver spends, servers cannot use.
func readReply(br *bufio.Reader) (r reply, err error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		return r, err
	}
	if len(line) < len("HTTP/1.1 200\r\n") || string(line[:9]) != "HTTP/1.1 " {
		return r, fmt.Errorf("not a status line: %q", line)
	}
	if r.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return r, fmt.Errorf("status: %w", err)
	}
	r.length = -2
	for {
		if line, err = br.ReadSlice('\n'); err != nil {
			return r, noEOF(err)
		}
		key, value, ok := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":"))
		if !ok {
			break
		}
		if err := r.field(key, bytes.TrimSpace(value)); err != nil {
			return r, err
		}
	}
	switch {
	case r.status == 304:
		r.length = 0
	case r.length == -2:
		return r, errors.New("a body whose end is that of the connection")
	}
	return r, nil
}

func (r *reply) field(key, value []byte) (err error) {
	switch len(key) { // most headers are told apart by their length
	case len("Content-Length"):
		if bytes.EqualFold(key, []byte("Content-Length")) {
			r.length, err = strconv.ParseInt(string(value), 10, 64)
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(key, []byte("Transfer-Encoding")) {
			r.length = -1
		}
	case len("Content-Encoding"):
		if bytes.EqualFold(key, []byte("Content-Encoding")) {
			r.gzip = string(value) == "gzip"
		}
	case len("Connection"):
		if bytes.EqualFold(key, []byte("Connection")) {
			r.closing = bytes.EqualFold(value, []byte("close"))
		}
	}
	return err
}

// readBody reads the body behind a head into w (nil: nowhere) and returns its length without framing.
func readBody(br *bufio.Reader, r *reply, w io.Writer, room []byte) (int64, error) {
	if r.length >= 0 {
		return r.length, copyN(br, w, r.length, room)
	}
	var total int64
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return total, noEOF(err)
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 64)
		if err != nil {
			return total, fmt.Errorf("chunk: %w", err)
		}
		if err := copyN(br, w, n, room); err != nil {
			return total, err
		}
		total += n
		if _, err := br.Discard(len("\r\n")); err != nil {
			return total, noEOF(err)
		}
		if n == 0 {
			return total, nil
		}
	}
}

func copyN(br *bufio.Reader, w io.Writer, n int64, room []byte) error {
	for n > 0 {
		got, err := br.Read(room[:min(n, int64(len(room)))])
		if w != nil {
			if _, err := w.Write(room[:got]); err != nil {
				return err
			}
		}
		n -= int64(got)
		if err != nil {
			return noEOF(err)
		}
	}
	return nil
}

// noEOF is for places where the end is no end.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
