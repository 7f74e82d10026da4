package lane

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const canSendFile = true

// sendFileMax bounds one system call, so that a fast reader of a large file does not keep its thread for long.
const sendFileMax = 4 << 20

// fileSender sends a head and a part of a file. The file may be shared: its own offset is neither used nor changed,
// which is why this is not net.TCPConn.ReadFrom.
type fileSender struct {
	c    *Conn
	raw  syscall.RawConn
	try  func(fd uintptr) bool // the method, made once
	head []byte
	in   int
	off  int64
	left int64
	err  error
}

func (c *Conn) sendFile(head, tail []byte, f *os.File, off, n int64) (int64, error) {
	s := c.out.file
	if s == nil {
		raw, err := c.tcp.SyscallConn()
		if err != nil {
			return 0, err
		}
		s = &fileSender{c: c, raw: raw}
		s.try = s.write
		c.out.file = s
	}
	c.out.head = append(c.out.head[:0], head...) // which may be that very slice
	c.out.head = append(c.out.head, tail...)
	s.head, s.in, s.off, s.left, s.err = c.out.head, int(f.Fd()), off, n, nil
	if err := s.raw.Write(s.try); err != nil {
		return n - s.left, err
	}
	return n - s.left, s.err
}

// write does what the socket has room for, and reports whether that was all.
func (s *fileSender) write(fd uintptr) bool {
	for len(s.head) > 0 || s.left > 0 {
		n, err := s.step(int(fd))
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			s.c.armWrite(time.Now())
			return false
		case err != nil:
			s.err = os.NewSyscallError("sendfile", err)
			return true
		case n == 0: // the file is shorter than it was
			s.err = io.ErrUnexpectedEOF
			return true
		}
	}
	return true
}

// step makes one system call. The head goes first and alone: held back by MSG_MORE to share a packet with the body, it
// pushes the body's last page out of the 17 that a packet takes, and under BBR that remainder waits for a pacing timer
// of its own. 64 KiB took 48 µs of CPU so, and take 18 without; under cubic it is the same either way.
func (s *fileSender) step(fd int) (n int, err error) {
	if len(s.head) > 0 {
		n, err = unix.SendmsgN(fd, s.head, nil, nil, 0)
		s.head = s.head[max(n, 0):]
		return n, err
	}
	n, err = unix.Sendfile(fd, s.in, &s.off, int(min(s.left, sendFileMax)))
	s.left -= int64(max(n, 0))
	return n, err
}
