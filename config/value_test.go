package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"3d": 72 * time.Hour, "1h30m": 90 * time.Minute, "2w": 14 * 24 * time.Hour, "1.5h": 90 * time.Minute,
		"250ms": 250 * time.Millisecond, "90": 90 * time.Second, "0": 0, "1d12h": 36 * time.Hour,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "3 d", "-3d", "3days", "1h30", "1e5", "..", "1.2.3s", "300000d", "5m "} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"256MiB": 256 << 20, "50GiB": 50 << 30, "1GB": 1e9, "1024": 1024, "1.5 KiB": 1536, "0B": 0, "8388607TiB": 8388607 << 40,
	} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "MiB", "-1", "1mb", "1XB", "8388608TiB", "1 2", "NaN"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("ParseSize(%q) = %v, want an error", in, got)
		}
	}
}

func TestSecretDoesNotShow(t *testing.T) {
	s := Secret("hunter2")
	holder := struct {
		S Secret
		P *Secret
	}{s, &s}
	out, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out = append(out, fmt.Sprintf(verb, s)...)
		out = append(out, fmt.Sprintf(verb, holder)...)
	}
	if strings.Contains(string(out), "hunter2") || strings.Contains(string(out), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the secret shows: %s", out)
	}
	if s.Reveal() != "hunter2" || Secret("").String() != "" {
		t.Error("Reveal or String is wrong")
	}
}
