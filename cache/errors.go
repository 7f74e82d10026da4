package cache

import (
	"errors"
	"fmt"
	"time"
)

// ErrAbsent reports what does not exist, confirmed by whoever would have it. It answers 404.
var ErrAbsent = errors.New("not found")

// ErrConflict reports a publish over other bytes, or over something that upstream has. It answers 409.
var ErrConflict = errors.New("already exists")

// ErrChanged reports bytes other than those that were kept when the same asset was served before (invariant 9). The
// bytes that we have are served; the registry's are refused. It answers 502.
var ErrChanged = errors.New("the registry offers other bytes than before")

// ErrTooLarge reports a body past its limit. It answers 413.
var ErrTooLarge = errors.New("too large")

// Unavailable reports a registry that did not answer, or not properly. It answers 502 to 504, never 404.
type Unavailable struct {
	Connection string        // its name
	Err        error         // what happened
	RetryAfter time.Duration // when to ask again; 0: unknown
}

func (u *Unavailable) Error() string {
	return fmt.Sprintf("%s is unavailable: %v", u.Connection, u.Err)
}

func (u *Unavailable) Unwrap() error { return u.Err }

// Refused reports what a rule, a policy or an origin control forbids. It answers 403, or 401 where the client has not
// said who it is.
type Refused struct {
	Rule   string    // which one: "config.hcl:41", "origin controls of npm/acme/ui in team" …
	Reason string    // why, for the client
	Until  time.Time // when it ends; zero: it does not end by itself
	Login  bool      // the client is anonymous, and might be allowed if it were not
}

func (r *Refused) Error() string {
	if r.Until.IsZero() {
		return fmt.Sprintf("%s (%s)", r.Reason, r.Rule)
	}
	return fmt.Sprintf("%s, until %s (%s)", r.Reason, r.Until.UTC().Format(time.RFC3339), r.Rule)
}

// Invalid reports a request that cannot be served as it is. It answers Status, 400 by default.
type Invalid struct {
	Status int
	Reason string
}

func (i *Invalid) Error() string { return i.Reason }

// Invalidf returns an *Invalid with status 400.
func Invalidf(format string, args ...any) error {
	return &Invalid{Status: 400, Reason: fmt.Sprintf(format, args...)}
}
