//go:build !linux

package lane

import (
	"errors"
	"os"
)

const canSendFile = false

type fileSender struct{}

func (c *Conn) sendFile(_, _ []byte, _ *os.File, _, _ int64) (int64, error) {
	return 0, errors.ErrUnsupported
}
