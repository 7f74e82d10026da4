package forward

import (
	"net"
	"net/http"
	"net/url"
	"sync"
)

// parentHosts are the proxies on the way, which the environment or the configuration names: they may stand at a private
// address, whoever the client is.
type parentHosts struct {
	seen sync.Map // host:port
}

func (h *parentHosts) noting(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		parent, err := proxy(r)
		if err == nil && parent != nil {
			port := parent.Port()
			switch {
			case port != "":
			case parent.Scheme == "https":
				port = "443"
			default:
				port = "80"
			}
			h.seen.Store(net.JoinHostPort(parent.Hostname(), port), true)
		}
		return parent, err
	}
}

func (h *parentHosts) has(address string) bool {
	_, ok := h.seen.Load(address)
	return ok
}
