package lane

import (
	"errors"
	"io"
	"time"
)

// run answers requests until there is one for net/http, which then is the phase. Its only error is io.EOF: at any
// other net/http may write a 400 before it closes, into the middle of an answer that the lane could not end.
func (c *Conn) run() error {
	if c.buf == nil {
		c.buf = make([]byte, headSize)
	}
	if c.become(serving, busy) != nil {
		return io.EOF
	}
	defer c.settle()
	if c.answerAll() != nil {
		c.phase, c.r, c.w = through, 0, 0
		return io.EOF
	}
	if c.become(busy, serving) != nil {
		return io.EOF
	}
	return nil
}

func (c *Conn) answerAll() error {
	t := timers{c: c}
	defer t.release()
	for {
		c.reset()
		n, body, v := parse(c.buf[c.r:c.w], &c.req)
		switch v {
		case incomplete:
			if err := c.fill(&t); errors.Is(err, errNotOurs) {
				c.phase = through
				return nil
			} else if err != nil {
				return err
			}
			continue
		case opaque:
			c.phase = through
			return nil
		case simple:
			answered, err := c.answer(n, &t)
			if err != nil {
				return err
			}
			if answered {
				continue
			}
		}
		c.phase, c.left = request, int64(n)+body
		return nil
	}
}

// reset forgets the last request, and keeps what the connection says of each.
func (c *Conn) reset() {
	c.req = Request{Conn: c.req.Conn, TLS: c.req.TLS, Remote: c.req.Remote}
}

var errNotOurs = errors.New("head is too long for the lane, or ends early")

// fill reads more of a head.
func (c *Conn) fill(t *timers) error {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if c.w == 0 {
		return c.await()
	}
	if c.w == len(c.buf) {
		return errNotOurs
	}
	t.headStarted()
	n, err := c.Conn.Read(c.buf[c.w:])
	c.w += max(n, 0)
	switch {
	case n > 0:
		return nil // an error will come again
	case err == io.EOF:
		return errNotOurs
	}
	return err
}

// await reads the first bytes of a request. Until they come, the connection is idle and may be closed.
func (c *Conn) await() error {
	if err := c.become(busy, waiting); err != nil {
		return err
	}
	n, err := c.Conn.Read(c.buf)
	if e := c.become(waiting, busy); e != nil {
		return e
	}
	c.w = max(n, 0)
	if n > 0 {
		return nil
	}
	return err
}

// answer answers the request whose head are the next n bytes, or reports that it is net/http's.
func (c *Conn) answer(n int, t *timers) (answered bool, err error) {
	start := time.Now()
	a := c.l.o.Answerer.Answer(&c.req)
	if a == nil {
		return false, nil
	}
	p, ok := decide(&c.req, a)
	if !ok {
		return false, nil
	}
	var file File
	if a.Body == nil && p.n > 0 {
		if file, err = a.Open(); err != nil {
			return false, nil //nolint:nilerr // net/http's handler finds out what is wrong with it
		}
		defer file.Close()
	}
	last := c.req.Close || c.l.closing.Load()
	sent, err := c.send(&p, a, file, c.l.clock.tail(start, last), start)
	c.l.o.Answerer.Done(&c.req, a, p.status, sent, time.Since(start))
	if err != nil {
		return false, err
	}
	if last {
		_ = c.CloseWrite() // so that the client gets all, even if it has sent more than was read
		return false, io.EOF
	}
	c.r += n
	t.answered(start)
	return true, nil
}

// timers keep the server's time-outs on the lane. Setting a deadline costs as much as parsing a head, so one that is
// only a little old is left as it is: the idle time-out comes up to 1/16 early.
type timers struct {
	c     *Conn
	armed time.Time // when the idle deadline was last set here
	head  bool      // the deadline is that of a head
}

// headStarted begins the time for a head, with its first bytes.
func (t *timers) headStarted() {
	if d := t.c.l.o.HeaderTimeout; d > 0 && !t.head {
		t.head = true
		_ = t.c.Conn.SetReadDeadline(time.Now().Add(d))
	}
}

// answered begins the time for which the connection may be idle.
func (t *timers) answered(now time.Time) {
	idle := t.c.l.o.IdleTimeout
	if !t.head && !t.armed.IsZero() && (idle <= 0 || now.Sub(t.armed) < idle/16) {
		return
	}
	var deadline time.Time
	if idle > 0 {
		deadline = now.Add(idle)
	}
	t.head, t.armed = false, now
	_ = t.c.Conn.SetReadDeadline(deadline)
}

// release leaves no deadline behind that net/http does not know of. It sets the one for reading itself.
func (t *timers) release() {
	if out := &t.c.out; !out.armed.IsZero() {
		out.armed = time.Time{}
		_ = t.c.Conn.SetWriteDeadline(time.Time{})
	}
}
