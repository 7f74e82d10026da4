package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     reply
		body     string
		bad      bool
	}{
		{name: "length", in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", want: reply{status: 200, length: 5}, body: "hello"},
		{name: "lower case", in: "HTTP/1.1 206 Partial Content\r\ncontent-length:2\r\n\r\nhi", want: reply{status: 206, length: 2}, body: "hi"},
		{
			name: "chunks", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
			want: reply{status: 200, length: -1}, body: "hello",
		},
		{name: "no body", in: "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", want: reply{status: 304}},
		{
			name: "gzip, closing", in: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\nContent-Length: 1\r\n\r\nz",
			want: reply{status: 200, length: 1, gzip: true, closing: true}, body: "z",
		},
		{name: "no end", in: "HTTP/1.1 200 OK\r\n\r\nhello", bad: true},
		{name: "another protocol", in: "SSH-2.0-OpenSSH_9.2\r\n", bad: true},
		{name: "no status", in: "HTTP/1.1 abc OK\r\n\r\n", bad: true},
		{name: "cut off in the head", in: "HTTP/1.1 200 OK\r\nContent-Le", bad: true},
		{name: "cut off in the body", in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", bad: true},
		{name: "cut off in a chunk", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", bad: true},
		{name: "no last chunk", in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			br := bufio.NewReader(strings.NewReader(c.in))
			var body bytes.Buffer
			r, err := readReply(br)
			if err == nil {
				var n int64
				n, err = readBody(br, &r, &body, make([]byte, 2))
				if err == nil && n != int64(len(c.body)) {
					t.Errorf("the body has %d bytes, want %d", n, len(c.body))
				}
			}
			if (err != nil) != c.bad {
				t.Fatal(err)
			}
			if err == nil && (r != c.want || body.String() != c.body || br.Buffered() > 0) {
				t.Errorf("got %+v and %q, %d bytes left; want %+v and %q", r, &body, br.Buffered(), c.want, c.body)
			}
		})
	}
}
