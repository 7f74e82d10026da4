package proxy_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"entrepot/bench/registry"
)

// raw sends bytes as they are, and reads one answer. Where the request is cut short, no more comes.
func (s *site) raw(request string, cut bool) reply {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/"))
	s.must(err)
	defer conn.Close()
	s.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	go func() {
		io.WriteString(conn, request) // the server may have had enough before the end
		if cut {
			conn.(*net.TCPConn).CloseWrite()
		}
	}()
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b, err}
}

// line is a request without a body.
func line(method, target string, headers ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + strings.Join(headers, "") + "\r\n"
}

// upload is a request of the publisher with a body.
func upload(method, target string, body []byte, headers ...string) string {
	return line(method, target, append(headers, fmt.Sprintf("Content-Length: %d\r\nAuthorization: Bearer %s\r\n", len(body), publisher))...) + string(body)
}

// zipped is what compressing so many of one byte gives.
func zipped(n int, of byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	chunk := bytes.Repeat([]byte{of}, 1<<20)
	for ; n > 0; n -= len(chunk) {
		z.Write(chunk[:min(n, len(chunk))])
	}
	z.Close()
	return b.Bytes()
}

// swapped is a publish whose tarball is another's.
func swapped(name, version string, of *release) []byte {
	r := newRelease(name, version, 1)
	r.tarball, r.dist = of.tarball, of.dist
	return r.body()
}

// TestBadInput: whatever does not make sense is answered with 4xx in the protocol's form, makes one line in the access
// log, reaches no registry and leaves nothing behind.
func TestBadInput(t *testing.T) {
	long := strings.Repeat("a", 5000)
	other := newRelease("other", "1.0.0", 1)
	cut := upload("PUT", "/npm/main/cut", newRelease("cut", "1.0.0", 1).body())
	bomb := func(open string) []byte { return []byte(`{"name":"bomb","x":` + strings.Repeat(open, 1<<20)) }
	tests := []struct{ name, request string }{
		{"dot segments", line("GET", "/npm/main/../../etc/passwd")},
		{"dot segments at the end", line("GET", "/npm/main/left-pad/..")},
		{"escaped dot segments", line("GET", "/npm/main/%2e%2e/%2e%2e/passwd")},
		{"half-escaped dot segments", line("GET", "/npm/main/left-pad/-/.%2e")},
		{"one dot", line("GET", "/npm/main/./left-pad")},
		{"doubled slashes", line("GET", "/npm/main//left-pad")},
		{"doubled slashes at the end", line("GET", "/npm/main/left-pad//")},
		{"escaped slash without a scope", line("GET", "/npm/main/left%2fpad")},
		{"escaped slash in a tarball's name", line("GET", "/npm/main/left-pad/-/..%2f..%2fleft-pad-1.0.0.tgz")},
		{"two escaped slashes", line("GET", "/npm/main/@a%2fb%2fc")},
		{"an escaped percent sign", line("GET", "/npm/main/@a%252fb")},
		{"zero byte", line("GET", "/npm/main/left%00pad")},
		{"line feed", line("GET", "/npm/main/left%0apad")},
		{"backslash", line("GET", "/npm/main/left%5cpad")},
		{"no UTF-8", line("GET", "/npm/main/left%ffpad")},
		{"long name", line("GET", "/npm/main/"+long)},
		{"long scope", line("GET", "/npm/main/@"+long+"/x")},
		{"long version", line("GET", "/npm/main/left-pad/-/left-pad-1.0.0-"+long+".tgz")},
		{"longer than a name may be", line("GET", "/npm/main/"+long[:300])},
		{"name that begins with a dot", line("GET", "/npm/main/.hidden")},
		{"bad version", line("GET", "/npm/main/left-pad/-/left-pad-1.0.0%20.tgz")},
		{"wrong method", line("PATCH", "/npm/main/left-pad", "Content-Length: 0\r\n")},
		{"unknown format", line("GET", "/nothing/main/left-pad")},
		{"unknown repository", line("GET", "/npm/nowhere/left-pad")},
		{"unknown domain", line("GET", "/npm/d/acme-111122223333/main/left-pad")},
		{"host of somebody else", "GET /npm/main/left-pad HTTP/1.1\r\nHost: rebound.example\r\n\r\n"},
		{"malformed credential", line("GET", "/npm/main/left-pad", "Authorization: Basic ???\r\n")},

		{"body that is cut short", cut[:len(cut)-200]},
		{"body that is cut short in the tarball", cut[:len(cut)/2]},
		{"body that is cut short before it begins", cut[:strings.Index(cut, "\r\n\r\n")+4]},
		{"empty body", upload("PUT", "/npm/main/pkg", nil)},
		{"no JSON", upload("PUT", "/npm/main/pkg", []byte("hello"))},
		{"JSON of another kind", upload("PUT", "/npm/main/pkg", []byte("[]"))},
		{"deep arrays", upload("PUT", "/npm/main/bomb", bomb("["))},
		{"deep objects", upload("PUT", "/npm/main/bomb", bomb(`{"a":`))},
		{"deep arrays in the versions", upload("PUT", "/npm/main/bomb", []byte(`{"versions":{"1.0.0":`+strings.Repeat("[", 1<<20)))},
		{"long string", upload("PUT", "/npm/main/bomb", []byte(`{"name":"`+strings.Repeat("x", 8<<20)+`"}`))},
		{"many keys", upload("PUT", "/npm/main/bomb", []byte(`{"dist-tags":{`+strings.Repeat(`"a":"1.0.0",`, 1<<19)))},
		{"gzip that unpacks to a bomb", upload("PUT", "/npm/main/bomb", zipped(1<<26, '['), "Content-Encoding: gzip\r\n")},
		{"gzip that is none", upload("PUT", "/npm/main/bomb", []byte("{}"), "Content-Encoding: gzip\r\n")},
		{"deep arrays in an audit", upload("POST", "/npm/main/-/npm/v1/security/advisories/bulk", bomb("["))},
		{"bomb in an audit", upload("POST", "/npm/main/-/npm/v1/security/advisories/bulk", zipped(1<<26, ' '), "Content-Encoding: gzip\r\n")},
		{"tarball of another package", upload("PUT", "/npm/main/mine", swapped("mine", "1.0.0", other))},
		{"tarball of another version", upload("PUT", "/npm/main/other", swapped("other", "2.0.0", other))},
		{"body about another package", upload("PUT", "/npm/main/mine", other.body())},
		{"tarball that is none", upload("PUT", "/npm/main/mine", swapped("mine", "1.0.0", &release{tarball: []byte("hello"), dist: map[string]any{"integrity": integrity([]byte("hello"))}}))},
		{"tarball that is a bomb", upload("PUT", "/npm/main/mine", swapped("mine", "1.0.0", bombTarball()))},
		{"tarball with a wrong sum", upload("PUT", "/npm/main/mine", swapped("mine", "1.0.0", &release{tarball: newRelease("mine", "1.0.0", 1).tarball, dist: other.dist}))},
		{"name that npm does not take", upload("PUT", "/npm/main/Upper%20Case", newRelease("Upper Case", "1.0.0", 1).body())},
		{"version that is none", upload("PUT", "/npm/main/mine", newRelease("mine", "latest", 1).body())},
		{"publish without a credential", "PUT /npm/main/mine HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"},
		{"tag that is a version", upload("PUT", "/npm/main/-/package/mine/dist-tags/1.0.0", []byte(`"1.0.0"`))},

		{"module with dot segments", line("GET", "/go/main/example.test/../x/@v/list")},
		{"module with a bad escape", line("GET", "/go/main/example.test/!!x/@v/list")},
		{"module with upper case", line("GET", "/go/main/Example.test/x/@v/list")},
		{"module with an escaped slash", line("GET", "/go/main/example.test%2fx/@v/..%2fv1.0.0.zip")},
		{"long module", line("GET", "/go/main/example.test/"+long+"/@v/list")},
		{"module without a version", line("GET", "/go/main/example.test/m/@v/.zip")},
		{"zip that is none", upload("PUT", "/go/main/example.test/m/@v/v1.0.0.zip", []byte("hello"))},
		{"zip of another module", upload("PUT", "/go/main/example.test/m/@v/v1.0.0.zip", otherModule(t))},
		{"zip that is cut short", upload("PUT", "/go/main/example.test/m/@v/v1.0.0.zip", otherModule(t))[:300]},
		{"module version that is none", upload("PUT", "/go/main/example.test/m/@v/latest.zip", otherModule(t))},
	}
	s := start(t, setup{})
	rows := s.rows()
	for _, tt := range tests {
		r := s.raw(tt.request, strings.Contains(tt.name, "cut short"))
		if r.err != nil || r.status < 400 || r.status > 499 {
			t.Errorf("%s: %d, %v, %.200s; want 4xx", tt.name, r.status, r.err, r.body)
		}
		s.form(tt.name, tt.request, r)
		if got := int(s.log.next(t)["status"].(float64)); got != r.status {
			t.Errorf("%s: the access log says %d, the client was told %d", tt.name, got, r.status)
		}
	}
	s.http.SetKeepAlivesEnabled(false)
	select {
	case extra := <-s.log.c:
		t.Errorf("one line too many in the access log: %s", extra)
	default:
	}
	if n := s.registry.Requests("*"); n > 0 {
		t.Errorf("%d requests reached the registry: %s", n, s.registry.Log()[0].Path)
	}
	if n := len(s.blobs()); n > 0 {
		t.Errorf("%d blobs were stored", n)
	}
	if after := s.rows(); !maps.Equal(rows, after) {
		t.Errorf("rows were written: %v before, %v after", rows, after)
	}
	if n := s.diskUse(); n > 0 {
		t.Errorf("%d bytes are left on the disk", n)
	}
}

// form checks that an error has the form of the protocol that was spoken.
func (s *site) form(name, request string, r reply) {
	s.t.Helper()
	kind, content := r.header.Get("X-Entrepot-Error"), r.header.Get("Content-Type")
	if kind == "" || kind == "internal" || kind == "upstream" {
		s.t.Errorf("%s: X-Entrepot-Error: %q", name, kind)
	}
	_, target, _ := strings.Cut(request, " ")
	if !strings.HasPrefix(target, "/npm/") {
		if !strings.HasPrefix(content, "text/plain") || len(bytes.TrimSpace(r.body)) == 0 {
			s.t.Errorf("%s: %s %.100q, want text", name, content, r.body)
		}
		return
	}
	var message struct{ Error string }
	if err := json.Unmarshal(r.body, &message); err != nil || message.Error == "" || !strings.HasPrefix(content, "application/json") {
		s.t.Errorf("%s: %s %.100q, want npm's form", name, content, r.body)
	}
}

// bombTarball unpacks to a thousand times its size, and its sum is right.
func bombTarball() *release {
	b := zipped(1<<26, 0)
	return &release{tarball: b, dist: map[string]any{"integrity": integrity(b)}}
}

func otherModule(t *testing.T) []byte {
	r := registry.New(registry.Options{})
	r.AddModule("example.test/other", "v1.0.0", nil)
	return moduleZip(t, r, "example.test/other", "v1.0.0")
}

// TestNoRequest: what is not HTTP, or too much of it, is refused before anybody asks what it means, and is in the
// access log all the same.
func TestNoRequest(t *testing.T) {
	s := start(t, setup{})
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"10 MB in one header", line("GET", "/npm/main/left-pad", "X-Long: ", strings.Repeat("a", 10<<20), "\r\n"), http.StatusRequestHeaderFieldsTooLarge},
		{"10 MB of headers", line("GET", "/npm/main/left-pad", strings.Repeat("X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 10<<20/46)), http.StatusRequestHeaderFieldsTooLarge},
		{"10 MB of address", line("GET", "/npm/main/"+strings.Repeat("a", 10<<20)), http.StatusRequestHeaderFieldsTooLarge},
		{"8 MB of credential", line("GET", "/npm/main/left-pad", "Authorization: Bearer ", base64.StdEncoding.EncodeToString(make([]byte, 8<<20)), "\r\n"), http.StatusRequestHeaderFieldsTooLarge},
		{"a bad escape", line("GET", "/npm/main/%zz"), http.StatusBadRequest},
		{"no host", "GET /npm/main/left-pad HTTP/1.1\r\n\r\n", http.StatusBadRequest},
		{"two hosts", line("GET", "/npm/main/left-pad", "Host: another\r\n"), http.StatusBadRequest},
		{"two lengths", line("PUT", "/npm/main/left-pad", "Content-Length: 5\r\nContent-Length: 6\r\n"), http.StatusBadRequest},
		{"a length that is none", line("PUT", "/npm/main/left-pad", "Content-Length: -5\r\n"), http.StatusBadRequest},
		{"a space in a header's name", line("GET", "/npm/main/left-pad", "X Y: z\r\n"), http.StatusBadRequest},
		{"no HTTP", "hello\r\n\r\n", http.StatusBadRequest},
	} {
		r := s.raw(tt.request, false)
		if r.err == nil && r.status != tt.status { // while it still sends, a client may see its connection break instead
			t.Errorf("%s: %d, want %d", tt.name, r.status, tt.status)
		}
		if got := int(s.log.next(t)["status"].(float64)); got != tt.status {
			t.Errorf("%s: the access log says %d, want %d", tt.name, got, tt.status)
		}
	}
	s.asked("*", 0)
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
	s.versions(documentPath("main", "left-pad"), "1.0.0")
}

// TestWhileSearching: while registries' addresses are looked for, what has none yet waits for them, and what is wrong
// in any case does not.
func TestWhileSearching(t *testing.T) {
	s := start(t, setup{})
	s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
	found := make(chan struct{})
	site := *s.server.Site()
	site.Discovering = found
	s.server.Swap(&site)
	for _, path := range []string{"npm/main//left-pad", "npm/main/%2e%2e/x", "npm/main/" + strings.Repeat("a", 5000)} {
		hasty := http.Client{Transport: client.Transport, Timeout: 8 * time.Second} // less than the search may take
		resp, err := hasty.Do(s.request(http.MethodGet, path, nil))
		if err != nil {
			t.Errorf("GET %.50s: %v", path, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode < 400 || resp.StatusCode > 499 {
			t.Errorf("GET %.50s: %d", path, resp.StatusCode)
		}
	}
	s.versions(documentPath("main", "left-pad"), "1.0.0") // it has its registry
	late := make(chan reply)
	go func() { late <- s.get("npm/later/left-pad") }()
	select {
	case r := <-late:
		t.Errorf("the repository that may be found was not waited for: %d", r.status)
	case <-s.log.c: // of what came before
	}
	s.domain = s.declare(append(mainRepos[:3:3], repo{name: "later", upstreams: []string{"npmjs-store"}}), s.domain.Stores)
	s.server.Swap(s.snapshot(site.Authority))
	close(found)
	if r := <-late; r.status != http.StatusOK {
		t.Errorf("when it was found: %d %s", r.status, r.body)
	}
}
