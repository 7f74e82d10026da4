package forward

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// hello is what the first bytes of a redirected connection say.
type hello struct {
	tls  bool
	name string // SNI, or Host without its port; empty: none
	ech  bool   // it has an encrypted inner hello, or pretends to (draft-ietf-tls-esni, 6.2)
}

const (
	// maxHello is the longest beginning that is looked at: with post-quantum key shares, hellos have some 2 KB.
	maxHello = 16 << 10

	recordHandshake = 22
	clientHello     = 1
	extServerName   = 0
	extECH          = 0xfe0d
)

var (
	errMore    = errors.New("more bytes are needed")
	errUnknown = errors.New("neither TLS nor HTTP")
)

// readHello reads the beginning of a connection, and no more than it needs. What was read is returned whatever happens.
func readHello(r io.Reader) (h hello, head []byte, err error) {
	chunk := make([]byte, 4<<10)
	for {
		n, readErr := r.Read(chunk)
		head = append(head, chunk[:n]...)
		if h, err = parseHello(head); !errors.Is(err, errMore) {
			return h, head, err
		}
		if readErr != nil {
			return h, head, readErr
		}
		if len(head) > maxHello {
			return h, head, fmt.Errorf("the beginning is longer than %d bytes", maxHello)
		}
	}
}

func parseHello(b []byte) (hello, error) {
	switch {
	case len(b) == 0:
		return hello{}, errMore
	case b[0] == recordHandshake:
		return parseClientHello(b)
	case 'A' <= b[0] && b[0] <= 'Z':
		return parseHead(b)
	}
	return hello{}, errUnknown
}

// parseClientHello finds the server's name in a ClientHello (RFC 8446, 4.1.2; RFC 6066, 3), which may come in several
// records.
func parseClientHello(b []byte) (hello, error) {
	var message []byte
	for records := cryptobyte.String(b); ; {
		var kind uint8
		var body cryptobyte.String
		if len(message) >= 4 {
			if n := int(message[1])<<16 | int(message[2])<<8 | int(message[3]); len(message) >= 4+n {
				message = message[4 : 4+n]
				break
			} else if n > maxHello {
				return hello{}, fmt.Errorf("a hello of %d bytes", n)
			}
		}
		if len(records) > 0 && records[0] != recordHandshake {
			return hello{}, errUnknown
		}
		if !records.ReadUint8(&kind) || !records.Skip(2) || !records.ReadUint16LengthPrefixed(&body) {
			return hello{}, errMore
		}
		if len(body) == 0 {
			return hello{}, errUnknown // an endless stream of nothing
		}
		if message = append(message, body...); message[0] != clientHello {
			return hello{}, errUnknown
		}
	}
	s := cryptobyte.String(message)
	var session, suites, compression, extensions cryptobyte.String
	if !s.Skip(2+32) || !s.ReadUint8LengthPrefixed(&session) || !s.ReadUint16LengthPrefixed(&suites) ||
		!s.ReadUint8LengthPrefixed(&compression) || !s.Empty() && !s.ReadUint16LengthPrefixed(&extensions) {
		return hello{}, errUnknown
	}
	h := hello{tls: true}
	for !extensions.Empty() {
		var kind uint16
		var body cryptobyte.String
		if !extensions.ReadUint16(&kind) || !extensions.ReadUint16LengthPrefixed(&body) {
			return hello{}, errUnknown
		}
		switch kind {
		case extECH:
			h.ech = true
		case extServerName:
			var names, name cryptobyte.String
			var nameKind uint8
			if !body.ReadUint16LengthPrefixed(&names) || !names.ReadUint8(&nameKind) || !names.ReadUint16LengthPrefixed(&name) || nameKind != 0 {
				return hello{}, errUnknown
			}
			h.name = strings.ToLower(string(name))
		}
	}
	return h, nil
}

// parseHead finds the Host in the head of a request.
func parseHead(b []byte) (hello, error) {
	head, _, whole := bytes.Cut(b, []byte("\r\n\r\n"))
	if !whole {
		return hello{}, errMore
	}
	_, fields, _ := bytes.Cut(head, []byte("\r\n"))
	h := hello{}
	for line := range bytes.SplitSeq(fields, []byte("\r\n")) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || http.CanonicalHeaderKey(string(key)) != "Host" {
			continue
		}
		if h.name != "" {
			return hello{}, errUnknown // two of them
		}
		t, err := parseTarget(string(bytes.TrimSpace(value)), false, true)
		if err != nil {
			return hello{}, err
		}
		h.name = t.Name
	}
	return h, nil
}
