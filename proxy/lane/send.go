package lane

import (
	"io"
	"net"
	"time"
)

// chunkSize is the size of the buffers in which heads and bodies meet where the kernel does not join them: a head with
// the largest TLS record (16 KiB) and more, so that a body goes out in few system calls.
const chunkSize = 64 << 10

// out is the writing side of a Conn. Its buffers are made when they are first needed, and kept.
type out struct {
	vec   [3][]byte
	bufs  net.Buffers
	head  []byte    // of an answer that has one of its own
	armed time.Time // when the write deadline was last set here; zero: there is none of ours
	file  *fileSender
}

// send writes an answer and returns how much of its body went out.
func (c *Conn) send(p *plan, a *Answer, file File, tail []byte, now time.Time) (int64, error) {
	head := p.head
	if p.partial {
		c.out.head = appendRange(c.out.head[:0], p, a.Size)
		head = c.out.head
	}
	c.armWrite(now)
	if file != nil {
		if f, ok := file.(osFile); ok && c.tcp != nil && canSendFile {
			if f := f.OS(); f != nil {
				return c.sendFile(head, tail, f, p.off, p.n)
			}
		}
		return c.copyBody(head, tail, file, p.off, p.n)
	}
	var body []byte
	if p.n > 0 {
		body = a.Body[p.off : p.off+p.n]
	}
	if c.tcp != nil {
		return c.writev(head, tail, body)
	}
	return c.join(head, tail, body)
}

// writev writes all in one system call.
func (c *Conn) writev(head, tail, body []byte) (int64, error) {
	o := &c.out
	o.vec = [3][]byte{head, tail, body}
	o.bufs = o.vec[:]
	n, err := o.bufs.WriteTo(c.tcp)
	o.vec = [3][]byte{} // what memory holds may be dropped
	return max(n-int64(len(head)+len(tail)), 0), err
}

// join writes the head together with the beginning of the body, in one TLS record or packet.
func (c *Conn) join(head, tail, body []byte) (int64, error) {
	buf := c.l.chunk()
	defer c.l.chunks.Put(buf)
	b := append(append((*buf)[:0], head...), tail...)
	first := min(len(body), max(cap(b)-len(b), 0))
	b = append(b, body[:first]...)
	n, err := c.Conn.Write(b)
	sent := int64(max(n-len(head)-len(tail), 0))
	if err == nil && first < len(body) {
		n, err = c.Conn.Write(body[first:])
		sent += int64(n)
	}
	return sent, err
}

// copyBody sends n bytes of a file that the kernel cannot send by itself.
func (c *Conn) copyBody(head, tail []byte, file io.ReaderAt, off, n int64) (sent int64, err error) {
	buf := c.l.chunk()
	defer c.l.chunks.Put(buf)
	b := append(append((*buf)[:0], head...), tail...)
	for n > 0 {
		start := len(b)
		b = b[:min(int64(cap(b)), int64(start)+n)]
		got, err := file.ReadAt(b[start:], off)
		if got < len(b)-start { // the head has promised more: the connection ends here
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return sent, err
		}
		c.armWrite(time.Now())
		wrote, err := c.Conn.Write(b)
		sent += int64(max(wrote-start, 0))
		if err != nil {
			return sent, err
		}
		off, n, b = off+int64(got), n-int64(got), b[:0]
	}
	return sent, nil
}

// armWrite gives the client WriteTimeout to take what comes. A deadline of which most is left stays.
func (c *Conn) armWrite(now time.Time) {
	d := c.l.o.WriteTimeout
	if d > 0 && now.Sub(c.out.armed) > d/8 {
		c.out.armed = now
		_ = c.Conn.SetWriteDeadline(now.Add(d))
	}
}
