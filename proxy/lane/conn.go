package lane

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// headSize is how long a head the lane reads, in bytes; a longer one is net/http's, with the rest of its connection.
// Clients of package managers send 200 to 900 bytes, and a token of an identity provider adds 1 to 2 KiB.
const headSize = 4 << 10

// phase is whose bytes come next on the reading side.
type phase int

const (
	through  phase = iota // all are net/http's: the lane is not on, or off for good
	boundary              // a request starts here
	request               // net/http reads a request, of which left bytes are to come
)

// States of a Conn, for whoever wants to close it.
const (
	serving int32 = iota // net/http has it
	waiting              // it waits for the first byte of a request
	busy                 // the lane reads or answers a request
	ending               // busy, and to be closed after that
	closed
)

// Conn is a connection that answers warm requests itself. It is what an http.Server gets from a Listener.
type Conn struct {
	net.Conn // to the client; the TLS connection where there is one

	l     *Listener
	inner net.Conn      // as the inner listener accepted it
	tcp   *net.TCPConn  // to write several buffers and files at once; nil over TLS
	state atomic.Int32  // who may close it, see Close
	gone  chan struct{} // closed with the connection

	// The reading side. net/http reads from one goroutine at a time, and orders its reads with the calls of Hook.
	phase phase
	buf   []byte // bytes read and not yet given to anyone: buf[r:w]
	r, w  int
	left  int64 // see request
	req   Request

	// The writing side, used at a boundary only.
	out out

	mu      sync.Mutex // guards what follows
	wake    sync.Cond
	aborted bool // the read deadline lies in the past: net/http wants its background read back
}

func newConn(l *Listener, inner, c net.Conn) *Conn {
	lc := &Conn{Conn: c, l: l, inner: inner, gone: make(chan struct{})}
	lc.wake.L = &lc.mu
	if tcp, ok := inner.(*net.TCPConn); ok && c == inner {
		lc.tcp = tcp
	}
	lc.req.Conn, lc.req.TLS = inner, c != inner
	if a, ok := inner.RemoteAddr().(*net.TCPAddr); ok {
		lc.req.Remote = a.AddrPort()
	}
	return lc
}

// Hook tells the lane where requests begin. It must be, or be called by, the ConnState of the server.
func Hook(nc net.Conn, s http.ConnState) {
	lc, ok := nc.(interface{ lane() *Conn })
	if !ok {
		return
	}
	c := lc.lane()
	switch s {
	case http.StateNew:
		c.phase = boundary
	case http.StateIdle:
		if c.phase == request && c.left == 0 {
			c.phase = boundary
		} else {
			c.phase = through
		}
	case http.StateHijacked:
		c.phase = through
	}
}

func (c *Conn) lane() *Conn { return c }

// NetConn returns the connection as the inner listener accepted it.
func (c *Conn) NetConn() net.Conn { return c.inner }

// Bare returns the TCP connection, for whoever has hijacked it and wants the kernel to carry its bytes; nil if there is none,
// or if bytes that were read of it have not been taken yet.
func (c *Conn) Bare() *net.TCPConn {
	if c.r < c.w {
		return nil
	}
	return c.tcp
}

// Read gives net/http its bytes: of one request and no more, until Hook says that it is through with that.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.phase == boundary {
		if err := c.run(); err != nil {
			return 0, err
		}
	}
	if c.phase == request {
		if c.left == 0 {
			return 0, c.hold()
		}
		p = p[:min(int64(len(p)), c.left)]
	}
	n, err := c.take(p)
	if c.phase == request {
		c.left -= int64(n)
	}
	return n, err
}

// take reads what is buffered, else from the connection.
func (c *Conn) take(p []byte) (int, error) {
	if c.r == c.w {
		if c.phase == through {
			c.buf, c.r, c.w = nil, 0, 0
		}
		return c.Conn.Read(p)
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	return n, nil
}

// hold is net/http's background read while a handler runs, which is there to notice that the client leaves. Were it
// given the first byte of the next request, the lane could not see that request any more. So the bytes stay here, and
// the read goes on until net/http ends it by a deadline in the past, as it does when the handler is done.
func (c *Conn) hold() error {
	if c.r == c.w {
		n, err := c.Conn.Read(c.buf)
		c.r, c.w = 0, max(n, 0)
		if n <= 0 {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.aborted {
		if c.state.Load() == closed {
			return net.ErrClosed
		}
		c.wake.Wait()
	}
	return os.ErrDeadlineExceeded
}

// SetReadDeadline is net.Conn's.
func (c *Conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	c.abort(t)
	return err
}

// SetDeadline is net.Conn's.
func (c *Conn) SetDeadline(t time.Time) error {
	err := c.Conn.SetDeadline(t)
	c.abort(t)
	return err
}

func (c *Conn) abort(deadline time.Time) {
	c.mu.Lock()
	c.aborted = !deadline.IsZero() && !deadline.After(time.Now())
	c.mu.Unlock()
	c.wake.Broadcast()
}

// Close closes the connection: at once, or after the answer that the lane is giving. net/http takes such a connection
// for idle, and would cut the answer off in Shutdown.
func (c *Conn) Close() error {
	for {
		switch s := c.state.Load(); s {
		case closed:
			return net.ErrClosed
		case ending:
			return nil
		case busy:
			if c.state.CompareAndSwap(busy, ending) {
				return nil
			}
		default:
			if c.state.CompareAndSwap(s, closed) {
				return c.shut()
			}
		}
	}
}

// shut closes the connection whatever it does. The state says that it is closed.
func (c *Conn) shut() error {
	err := c.Conn.Close()
	c.l.forget(c)
	close(c.gone)
	c.mu.Lock() // hold has seen the state, or waits already
	defer c.mu.Unlock()
	c.wake.Broadcast()
	return err
}

// become changes the state, unless somebody closed the connection meanwhile.
func (c *Conn) become(from, to int32) error {
	if c.state.CompareAndSwap(from, to) {
		return nil
	}
	if c.state.CompareAndSwap(ending, closed) {
		_ = c.shut()
	}
	return net.ErrClosed
}

// settle ends being busy however that ended, by a panic of the Answerer too.
func (c *Conn) settle() {
	if s := c.state.Load(); s == busy || s == ending {
		_ = c.become(busy, serving)
	}
}

// ReadFrom lets net/http send files by the kernel.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if c.tcp != nil {
		return c.tcp.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// CloseWrite ends the sending side, where the connection can.
func (c *Conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// CloseRead ends the receiving side, where the connection can.
func (c *Conn) CloseRead() error {
	if cr, ok := c.Conn.(interface{ CloseRead() error }); ok {
		return cr.CloseRead()
	}
	return nil
}
