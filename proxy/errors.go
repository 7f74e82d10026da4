package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
)

// maxRetryAfter caps what we tell clients to wait: some obey whatever they are told.
const maxRetryAfter = 5 * time.Minute

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// problem is an error as a client sees it (design §5).
type problem struct {
	status     int
	kind       string // X-Entrepot-Error
	message    string
	rule       string // X-Entrepot-Rule
	retryAfter time.Duration
	challenge  bool // say how to log in
}

// explain says how an error is answered. What the operator should know beyond that is in the log, under the error.
func explain(err error) problem {
	var (
		refused     *cache.Refused
		invalid     *cache.Invalid
		unavailable *cache.Unavailable
		failure     *auth.Failure
		tooLarge    *http.MaxBytesError
	)
	switch {
	case errors.As(err, &failure):
		return problem{status: failure.Status(), kind: "refused", message: failure.Error(), rule: "access",
			challenge: failure.Status() == http.StatusUnauthorized, retryAfter: failure.RetryAfter}
	case errors.As(err, &refused) && refused.Login:
		return problem{status: http.StatusUnauthorized, kind: "refused", message: refused.Reason, rule: refused.Rule, challenge: true}
	case errors.As(err, &refused):
		return problem{status: http.StatusForbidden, kind: "refused", message: refused.Error(), rule: refused.Rule}
	case errors.As(err, &invalid):
		p := problem{status: max(invalid.Status, http.StatusBadRequest), kind: "invalid", message: invalid.Reason}
		if p.status == http.StatusNotFound {
			p.kind = "absent"
		}
		return p
	case errors.As(err, &unavailable):
		p := problem{status: http.StatusBadGateway, kind: "upstream", message: unavailable.Error(), retryAfter: 10 * time.Second}
		if unavailable.RetryAfter > 0 {
			p.status, p.retryAfter = http.StatusServiceUnavailable, min(unavailable.RetryAfter, maxRetryAfter)
		}
		return p
	case errors.Is(err, cache.ErrAbsent):
		return problem{status: http.StatusNotFound, kind: "absent", message: err.Error()}
	case errors.Is(err, cache.ErrConflict):
		return problem{status: http.StatusConflict, kind: "invalid", message: err.Error()}
	case errors.Is(err, cache.ErrChanged):
		return problem{status: http.StatusBadGateway, kind: "upstream", message: err.Error(), retryAfter: time.Minute}
	case errors.Is(err, blob.ErrFull):
		return problem{status: http.StatusInsufficientStorage, kind: "internal", message: "there is no room for it here", retryAfter: time.Minute}
	case errors.Is(err, cache.ErrTooLarge), errors.As(err, &tooLarge):
		return problem{status: http.StatusRequestEntityTooLarge, kind: "invalid", message: err.Error()}
	}
	return problem{status: http.StatusInternalServerError, kind: "internal", message: "something went wrong here; the log has the details", retryAfter: 10 * time.Second}
}

// fail answers with an error, in the protocol's own form where there is one.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, c *call, err error) problem {
	p := explain(err)
	var broken *brokenOff
	if errors.As(err, &broken) || errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		p.kind = "aborted"
		return p
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Accept-Ranges", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Entrepot-Error", p.kind)
	if p.rule != "" {
		h.Set("X-Entrepot-Rule", headerText(p.rule))
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retryAfter.Round(time.Second)/time.Second)))
	}
	if p.challenge {
		h.Set("WWW-Authenticate", auth.Challenge)
		if challenger, ok := c.format.(format.Challenger); ok && c.base != "" {
			h.Add("WWW-Authenticate", challenger.Challenge(c.base))
		}
	}
	if explainer, ok := c.format.(format.Explainer); ok {
		explainer.Explain(w, p.status, p.message)
		return p
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		fmt.Fprintln(w, p.message)
	}
	return p
}

// headerText makes a text fit for a header value.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
