package forward

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// visitor is a connection that is on its way somewhere, with what was read of it already.
type visitor struct {
	net.Conn
	head []byte // bytes that were read from Conn and are to be read again
	*Visit
	from netip.AddrPort
}

// Read implements net.Conn.
func (v *visitor) Read(b []byte) (int, error) {
	if len(v.head) > 0 {
		n := copy(b, v.head)
		if v.head = v.head[n:]; len(v.head) == 0 {
			v.head = nil
		}
		return n, nil
	}
	return v.Conn.Read(b)
}

// peek returns the first byte to be read, and waits for it that long at most; 0: as long as it takes.
func (v *visitor) peek(patience time.Duration) (byte, error) {
	if len(v.head) > 0 {
		return v.head[0], nil
	}
	if patience > 0 {
		if err := v.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return 0, err
		}
		defer func() { _ = v.SetReadDeadline(time.Time{}) }()
	}
	var first [1]byte
	if _, err := io.ReadFull(v.Conn, first[:]); err != nil {
		return 0, err
	}
	v.head = first[:]
	return first[0], nil
}

// RemoteAddr is the client's address, also where another process has accepted the connection.
func (v *visitor) RemoteAddr() net.Addr {
	if v.from.IsValid() {
		return net.TCPAddrFromAddrPort(v.from)
	}
	return v.Conn.RemoteAddr()
}

// visitorOf finds the visitor below what was put upon it: TLS, the lane.
func visitorOf(c net.Conn) *visitor {
	for c != nil {
		if v, ok := c.(*visitor); ok {
			return v
		}
		below, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = below.NetConn()
	}
	return nil
}

// Going says where a connection was going that Options.Lane was given; nil: nowhere.
func Going(c net.Conn) *Visit {
	if v := visitorOf(c); v != nil {
		return v.Visit
	}
	return nil
}

func connContext(ctx context.Context, c net.Conn) context.Context {
	if v := visitorOf(c); v != nil {
		return context.WithValue(ctx, visitKey{}, v.Visit)
	}
	return ctx
}

// bare takes a connection apart into the TCP connection below it and what is to be read before that; nil: there is
// none, or some of it cannot be had.
func bare(c net.Conn) (*net.TCPConn, []byte) {
	var head []byte
	for {
		switch x := c.(type) {
		case *net.TCPConn:
			return x, head
		case *visitor:
			head = append(head, x.head...)
			c = x.Conn
		case interface{ Bare() *net.TCPConn }: // the lane's
			return x.Bare(), head
		default:
			return nil, nil
		}
	}
}

// hijackable hands over connections with the bytes that the server has read of them beyond the request: goproxy would
// lose them.
type hijackable struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if n := rw.Reader.Buffered(); n > 0 {
		early := make([]byte, n)
		_, _ = io.ReadFull(rw.Reader, early) // from memory
		c = &visitor{Conn: c, head: early}
	}
	return c, rw, nil
}

// Unwrap serves http.ResponseController.
func (h *hijackable) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// queue is a listener of connections that come from elsewhere.
type queue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newQueue() *queue { return &queue{conns: make(chan net.Conn), closed: make(chan struct{})} }

// put hands a connection to whoever accepts, and closes it if nobody will.
func (q *queue) put(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return nowhere{} }

type nowhere struct{}

func (nowhere) Network() string { return "proxy" }
func (nowhere) String() string  { return "opened connections" }
