package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"time"
)

// client is one connection of the load driver, kept alive.
type client struct {
	conn net.Conn
	br   *bufio.Reader
	room []byte // for bodies
	took histogram
	load
}

// load is what clients have done.
type load struct {
	requests int
	bytes    int64 // of bodies
}

// replyTimeout is how long an answer may take: of a cold 16 MB object at 200 clients, seconds.
const replyTimeout = 2 * time.Minute

func dial(addr string) (*client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn: c, br: bufio.NewReaderSize(c, 64<<10), room: make([]byte, 256<<10)}, nil
}

// send writes a request.
func (c *client) send(request []byte) error {
	if err := c.conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(request)
	return err
}

// receive reads and checks the answer; closely, if its content is to be checked too.
func (c *client) receive(t *target, closely bool) error {
	r, err := readReply(c.br)
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	var size int64
	var content *[32]byte
	if closely {
		content = new([32]byte)
		size, *content, err = c.digest(&r)
	} else {
		size, err = readBody(c.br, &r, nil, c.room)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	c.requests++
	c.bytes += size
	return t.check(&r, size, content)
}

// digest reads a body and returns its length as it came and the SHA-256 of what it says.
func (c *client) digest(r *reply) (size int64, content [32]byte, err error) {
	h := sha256.New()
	if !r.gzip {
		size, err = readBody(c.br, r, h, c.room)
		return size, [32]byte(h.Sum(nil)), err
	}
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		zr, err := gzip.NewReader(reader)
		if err == nil {
			_, err = io.Copy(h, zr)
		}
		reader.CloseWithError(err) // a writer that goes on is told, also that nobody reads
		done <- err
	}()
	size, err = readBody(c.br, r, writer, c.room)
	writer.CloseWithError(err)
	if zerr := <-done; err == nil {
		err = zerr
	}
	return size, [32]byte(h.Sum(nil)), err
}

// sampling is one in how many answers is checked to the last byte while the clock runs. The first of a connection
// always is.
const sampling = 1009

// run asks again and again until the time is over; the last answer is waited for.
func (c *client) run(request []byte, t *target, until time.Time) error {
	now := time.Now()
	for i := 1; now.Before(until); i++ {
		if _, err := c.conn.Write(request); err != nil {
			return err
		}
		if err := c.receive(t, i%sampling == 0); err != nil {
			return err
		}
		end := time.Now()
		c.took.add(end.Sub(now))
		now = end
	}
	return nil
}
