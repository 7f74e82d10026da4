package lane

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a Listener serves. Time-outs of zero are none.
type Options struct {
	Answerer Answerer
	// TLS makes the listener one of TLS: it shakes hands beside Accept, and offers h2 and http/1.1 unless NextProtos
	// says otherwise. Connections of h2 go to net/http as *tls.Conn, without the lane.
	TLS *tls.Config
	// HandshakeFailed hears of clients that fail at TLS; nil: nobody does.
	HandshakeFailed func(inner net.Conn, err error)
	// Rejected hears of requests that net/http refuses by itself, because they cannot be read (400, 431 …); nil: nobody
	// does. It must not block.
	Rejected func(remote netip.AddrPort, status int, reason string)
	// MaxConns bounds the connections open at a time, those that still shake hands included; 0: no bound.
	MaxConns int

	IdleTimeout      time.Duration // between requests; the server's own
	HeaderTimeout    time.Duration // from the first to the last byte of a head; the server's ReadHeaderTimeout
	WriteTimeout     time.Duration // in which a client must take some of an answer
	HandshakeTimeout time.Duration // for TLS; 0: 10 s
}

// Listener is a net.Listener whose connections have the lane.
type Listener struct {
	net.Listener
	o       Options
	slots   chan struct{}  // one per open connection
	ready   chan accepted  // TLS: what shook hands
	start   sync.Once      // of the loop that accepts for it
	closing atomic.Bool    // no further requests
	done    chan struct{}  // closed with the listener
	clock   clock          // of all its answers
	chunks  sync.Pool      // of *[]byte, chunkSize each
	mu      sync.Mutex     // guards what follows
	conns   map[*Conn]bool // open
}

type accepted struct {
	conn net.Conn
	err  error
}

// Listen puts the lane on the connections of inner.
func Listen(inner net.Listener, o Options) *Listener {
	l := &Listener{Listener: inner, o: o, done: make(chan struct{}), conns: make(map[*Conn]bool)}
	l.chunks.New = func() any { b := make([]byte, chunkSize); return &b }
	if o.MaxConns > 0 {
		l.slots = make(chan struct{}, o.MaxConns)
	}
	if o.TLS != nil {
		l.o.TLS = o.TLS.Clone()
		if len(o.TLS.NextProtos) == 0 {
			l.o.TLS.NextProtos = []string{"h2", "http/1.1"}
		}
		// Small first records help a browser to render early; a package is of use when it is whole.
		l.o.TLS.DynamicRecordSizingDisabled = true
		if o.HandshakeTimeout == 0 {
			l.o.HandshakeTimeout = 10 * time.Second
		}
		l.ready = make(chan accepted)
	}
	return l
}

func (l *Listener) chunk() *[]byte { return l.chunks.Get().(*[]byte) }

// Accept waits for the next connection, and for room below MaxConns. Temporary errors come back as they are: net/http
// waits after them, ever longer.
func (l *Listener) Accept() (net.Conn, error) {
	if l.o.TLS != nil {
		l.start.Do(func() { go l.acceptTLS() })
		select {
		case a := <-l.ready:
			return a.conn, a.err
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
	c, err := l.accept()
	if err != nil {
		return nil, err
	}
	return l.admit(c, c), nil
}

// accept returns a connection that holds a slot.
func (l *Listener) accept() (net.Conn, error) {
	if l.slots != nil {
		select {
		case l.slots <- struct{}{}:
		case <-l.done:
			return nil, net.ErrClosed
		}
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.release()
	}
	return c, err
}

func (l *Listener) release() {
	if l.slots != nil {
		<-l.slots
	}
}

// admit registers a connection, whose Close gives the slot back.
func (l *Listener) admit(inner, c net.Conn) *Conn {
	lc := newConn(l, inner, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[lc] = true
	return lc
}

func (l *Listener) forget(c *Conn) {
	l.release()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// acceptTLS accepts until the listener is closed. An error waits to be taken, so that net/http's pause after it holds
// here too.
func (l *Listener) acceptTLS() {
	for {
		c, err := l.accept()
		if err == nil {
			go l.handshake(c) // bounded by MaxConns, and in time
			continue
		}
		select {
		case l.ready <- accepted{err: err}:
		case <-l.done:
			return
		}
	}
}

func (l *Listener) handshake(inner net.Conn) {
	once := &slot{Conn: inner, l: l}
	ctx, cancel := context.WithTimeout(context.Background(), l.o.HandshakeTimeout)
	defer cancel()
	tc := tls.Server(once, l.o.TLS)
	if err := tc.HandshakeContext(ctx); err != nil {
		refusePlain(err)
		_ = once.Close()
		if l.o.HandshakeFailed != nil {
			l.o.HandshakeFailed(inner, err)
		}
		return
	}
	var c net.Conn = tc
	if tc.ConnectionState().NegotiatedProtocol != "h2" {
		once.passOn.Store(true) // the Conn has the slot now
		c = &secureConn{l.admit(inner, tc)}
	}
	select {
	case l.ready <- accepted{conn: c}:
	case <-l.done:
		_ = c.Close()
	}
}

// refusePlain tells a client that speaks HTTP without TLS what is wrong.
func refusePlain(err error) {
	var re tls.RecordHeaderError
	if errors.As(err, &re) && re.Conn != nil {
		switch string(re.RecordHeader[:]) {
		case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "CONNE":
			_, _ = io.WriteString(re.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
	}
}

// slot gives a slot back with its connection, for those that are no Conn.
type slot struct {
	net.Conn
	l      *Listener
	once   sync.Once
	passOn atomic.Bool
}

func (s *slot) Close() error {
	if !s.passOn.Load() {
		s.once.Do(s.l.release)
	}
	return s.Conn.Close()
}

// NetConn returns the connection as the inner listener accepted it.
func (s *slot) NetConn() net.Conn { return s.Conn }

// secureConn is a Conn over TLS. net/http puts its ConnectionState into Request.TLS.
type secureConn struct{ *Conn }

func (c *secureConn) ConnectionState() tls.ConnectionState {
	return c.Conn.Conn.(*tls.Conn).ConnectionState()
}

// Close ends accepting, and the connections that wait for a request. Answers under way are the last of theirs.
func (l *Listener) Close() error {
	if l.closing.Swap(true) {
		return nil
	}
	close(l.done)
	err := l.Listener.Close()
	for _, c := range l.open() {
		if c.state.CompareAndSwap(waiting, closed) {
			_ = c.shut()
		}
	}
	return err
}

func (l *Listener) open() []*Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	conns := make([]*Conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	return conns
}

// Drain waits until the answers that the lane is giving are out, and cuts off what is left when ctx ends. It is to be
// called after the server's Shutdown, which takes their connections for idle.
func (l *Listener) Drain(ctx context.Context) error {
	_ = l.Close()
	var err error
	for _, c := range l.open() {
		if s := c.state.Load(); s != busy && s != ending {
			continue
		}
		select {
		case <-c.gone:
		case <-ctx.Done():
			_ = c.inner.Close()
			err = context.Cause(ctx)
		}
	}
	return err
}
