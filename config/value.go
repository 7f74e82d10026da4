package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as written: "3d", "1h30m", "90s"; units w, d, h, m, s, ms; a bare number is seconds.
type Duration string

// Value returns the duration; 0 if it is unset. A loaded File has no other.
func (d Duration) Value() time.Duration {
	v, _ := ParseDuration(string(d))
	return v
}

// ParseDuration reads the form of Duration. Durations are not negative and at most 290 years.
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no duration: write a number and a unit (w, d, h, m, s, ms), such as \"3d\" or \"1h30m\"", s)
	rest, total := s, 0.0
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return !isDigit(r) && r != '.' })
		if n < 0 {
			n = len(rest)
		}
		v, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, bad
		}
		rest = rest[n:]
		m := strings.IndexFunc(rest, func(r rune) bool { return isDigit(r) || r == '.' })
		if m < 0 {
			m = len(rest)
		}
		unit, ok := units[rest[:m]]
		if !ok || m == 0 && n != len(s) { // a bare number stands alone
			return 0, bad
		}
		total, rest = total+v*float64(unit), rest[m:]
	}
	if s == "" || total >= math.MaxInt64 {
		return 0, bad
	}
	return time.Duration(total), nil
}

var units = map[string]time.Duration{
	"": time.Second, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// Size is a number of bytes as written: "256MiB", "50GiB", "1GB"; a bare number is bytes.
type Size string

// Bytes returns the size; 0 if it is unset. A loaded File has no other.
func (s Size) Bytes() int64 {
	v, _ := ParseSize(string(s))
	return v
}

// ParseSize reads the form of Size. Sizes are not negative and below 8 EiB.
func ParseSize(s string) (int64, error) {
	n := strings.IndexFunc(s, func(r rune) bool { return !isDigit(r) && r != '.' })
	if n < 0 {
		n = len(s)
	}
	v, err := strconv.ParseFloat(s[:n], 64)
	unit, ok := multiples[strings.TrimSpace(s[n:])]
	if err != nil || !ok || v*unit >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is no size: write a number and a unit (B, KB, MB, GB, TB, KiB, MiB, GiB, TiB), such as \"256MiB\"", s)
	}
	return int64(v * unit), nil
}

var multiples = map[string]float64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// Secret is text that never shows in logs, dumps or messages. Reveal returns it.
type Secret string

const hidden = "(hidden)"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format hides the secret from every verb.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = fmt.Fprint(w, s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseMoment reads a day, which begins at midnight UTC, or a time in RFC 3339.
func ParseMoment(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is neither a day (2026-11-01) nor a time (2026-11-01T12:00:00Z)", s)
	}
	return t, nil
}
