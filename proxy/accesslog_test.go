package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRedactTarget(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"/npm/main/@acme%2fui/-/ui-1.0.0.tgz", ""},
		{"/go/main/example.com/m/@v/v1.0.0.zip", ""},
		{"/npm/main/-/v1/search?text=left+pad&size=20&from=0", ""},
		{"/npm/main/token/-/token-1.0.0.tgz", ""},
		{"", ""},
		{"*", ""},
		{"registry.example:443", ""},
		{"http://registry.example/left-pad", ""},

		{"http://me:secret@registry.example/a@b", "http://REDACTED@registry.example/a@b"},
		{"http://me:se@cret@registry.example", "http://REDACTED@registry.example"},
		{"me:secret@registry.example:443", "REDACTED@registry.example:443"},
		{"/npm/main/-/user/token/secret", "/npm/main/-/user/token/REDACTED"},
		{"/npm/main/-/user/token/secret/x?y", "/npm/main/-/user/token/REDACTED/x?REDACTED"},
		{"/npm/main/-/npm/v1/tokens/token/secret", "/npm/main/-/npm/v1/tokens/token/REDACTED"},
		{"/login/secret", "/login/REDACTED"},
		{"/npm/main/-/v1/done?sessionId=secret", "/npm/main/-/v1/done?sessionId=REDACTED"},
		{"/a?token=secret&text=b&access_token=secret", "/a?token=REDACTED&text=b&access_token=REDACTED"},
		{"/a?secret", "/a?REDACTED"},
		{"/a?&x=", "/a?&x=REDACTED"},
		{"/a?text=ent_secret", "/a?text=REDACTED"},
		{"/a?ent_secret=1", "/a?REDACTED=REDACTED"},
		{"/generic/main/ent_secret/ent_secret/c", "/generic/main/REDACTED/REDACTED/c"},
	} {
		if tt.want == "" {
			tt.want = tt.in
		}
		in := []byte(tt.in)
		if got := string(redactTarget(in)); got != tt.want {
			t.Errorf("redactTarget(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if string(in) != tt.in {
			t.Errorf("redactTarget changed %q to %q", tt.in, in)
		}
	}
	u, err := url.Parse("http://me:secret@h/login/secret?sessionId=secret")
	if err != nil {
		t.Fatal(err)
	}
	if got := redact(u); got != "/login/REDACTED?sessionId=REDACTED" {
		t.Errorf("redact gives %q", got)
	}
}

func FuzzRedactTarget(f *testing.F) {
	f.Add("/a/b", "c")
	f.Fuzz(func(t *testing.T, path, query string) {
		const secret = "0123456789secret"
		for _, target := range []string{
			"http://u:" + secret + "@h/" + path, "/" + strings.ReplaceAll(path, "?", "") + "/-/user/token/" + secret + "?" + query,
			"/a?token=" + secret + "&" + query, "/a/ent_" + secret + "/" + path,
		} {
			if got := redactTarget([]byte(target)); bytes.Contains(got, []byte(secret)) {
				t.Errorf("redactTarget(%q) = %q", target, got)
			}
		}
	})
}

func testLine() *Line {
	return &Line{
		Method: "GET", Host: []byte("127.0.0.1:8470"), Target: []byte("/npm/main/left-pad/-/left-pad-1.3.0.tgz"),
		UserAgent: []byte("npm/11 \"x\""), Client: netip.MustParseAddr("::ffff:127.0.0.1"), Principal: "ci", Status: 200, Bytes: 3072, Took: 41500,
		Result: "hit", Domain: "default", Repository: "main", Format: "npm", Package: "npm//left-pad", Version: "1.3.0", Connection: "public:npmjs",
	}
}

func TestAccessLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := NewAccessLog(&out)
		l.Log(testLine())
		l.Log(&Line{Method: "PUT", Target: []byte("/a?token=secret"), Status: 502, Request: "r1", Error: "it broke"})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		want := `{"time":"2000-01-01T00:00:00.000Z","method":"GET","host":"127.0.0.1:8470","path":"/npm/main/left-pad/-/left-pad-1.3.0.tgz",` +
			`"status":200,"bytes":3072,"us":41,"cache":"hit","domain":"default","repository":"main","format":"npm","package":"npm//left-pad",` +
			`"version":"1.3.0","connection":"public:npmjs","principal":"ci","client":"127.0.0.1","agent":"npm/11 \"x\""}` + "\n" +
			`{"time":"2000-01-01T00:00:00.000Z","method":"PUT","host":"","path":"/a?token=REDACTED","status":502,"bytes":0,"us":0,"cache":"-",` +
			`"request":"r1","error":"it broke"}` + "\n"
		if out.String() != want {
			t.Errorf("lines\n%swant\n%s", out.String(), want)
		}
	})
}

// writes remembers each write.
type writes struct {
	mu  sync.Mutex
	all []string
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), w.err
}

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

func TestAccessLogWritesSeldomAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		l := NewAccessLog(w)
		for i := range 3 {
			l.Log(testLine())
			time.Sleep(accessDelay / 2)
			l.Log(testLine())
			synctest.Wait()
			if w.count() != i {
				t.Errorf("%d writes before the time, want %d", w.count(), i)
			}
			time.Sleep(accessDelay / 2)
			synctest.Wait()
			if w.count() != i+1 {
				t.Errorf("%d writes, want %d", w.count(), i+1)
			}
		}
		for range 1000 {
			l.Log(testLine())
		}
		if n := w.count() - 3; n < 3 || n > 10 {
			t.Errorf("%d writes for 1000 lines", n)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		l.Log(testLine()) // a straggler
		if n := strings.Count(strings.Join(w.all, ""), "\n"); n != 1007 {
			t.Errorf("%d lines, want 1007", n)
		}
	})
}

func TestAccessLogConcurrently(t *testing.T) {
	w := &writes{}
	l := NewAccessLog(w)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				line := testLine()
				line.Target = fmt.Appendf(nil, "/%d/%d/%s", i, j, strings.Repeat("x", j))
				l.Log(line)
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, part := range w.all {
		for line := range strings.Lines(part) { // each write is whole lines
			var v struct{ Path string }
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			seen[v.Path] = true
		}
	}
	if len(seen) != 8*500 {
		t.Errorf("%d different lines, want %d", len(seen), 8*500)
	}
}

func TestAccessLogThatCannotBeWritten(t *testing.T) {
	full := errors.New("no room")
	w := &writes{err: full}
	l := NewAccessLog(w)
	for range 1000 {
		l.Log(testLine())
	}
	if len(l.lines) > accessBuffer {
		t.Errorf("%d bytes wait", len(l.lines))
	}
	if err := l.Close(); !errors.Is(err, full) {
		t.Errorf("Close gives %v", err)
	}
	var silent *AccessLog
	silent.Log(testLine())
	if err := silent.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkAccessLog(b *testing.B) {
	l := NewAccessLog(io.Discard)
	line := testLine()
	b.ReportAllocs()
	for b.Loop() {
		l.Log(line)
	}
}

func TestStampIsRFC3339(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 6_999_999, time.UTC), time.Date(2026, 11, 23, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2024, 2, 29, 0, 0, 0, 120_000_000, time.FixedZone("east", 3*3600+1800)), time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, want := string(appendStamp(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
}
