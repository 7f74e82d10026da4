package pypi

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// do sends a request through Parse and Serve.
func do(t testing.TB, d format.Desk, r *http.Request) (*httptest.ResponseRecorder, error) {
	t.Helper()
	want, err := Format{}.Parse(r, strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	return w, Format{}.Serve(w, r, want, format.View{Name: want.View, Base: formattest.Base}, d)
}

func get(t testing.TB, d format.Desk, path string, header ...string) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest(http.MethodGet, "/"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(t, d, r)
}

func TestRedirect(t *testing.T) {
	w, err := get(t, new(formattest.Desk), "simple/My.Pkg?format=text/html")
	if err != nil || w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != formattest.Base+"simple/my-pkg/?format=text/html" {
		t.Errorf("%v, %d to %q", err, w.Code, w.Header().Get("Location"))
	}
}

const legacyDocument = `{"meta":{"api-version":"1.4"},"name":"a","files":[
{"filename":"a-1.2.zip","url":"x","hashes":{},"size":9,"yanked":"bad"},
{"filename":"a-1.0.tar.gz","url":"https://files.registry.example/a-1.0.tar.gz","hashes":{"sha256":"00","md5":"11"},"size":7,"upload-time":"2024-05-06T07:08:09.123456Z","requires-python":">=3"},
{"filename":"a-1.1-py2.py3-none-any.whl","url":"https://files.registry.example/a-1.1-py2.py3-none-any.whl","hashes":{},"size":8},
{"filename":"a-2.0rc1.zip","url":"x","hashes":{},"size":9}]}`

func TestLegacy(t *testing.T) {
	info := func(version string) string {
		return `{"info":{"name":"a","version":"` + version + `","summary":"s"},"urls":[{"url":"https://files.registry.example/x"}],"releases":{"9":[]},"vulnerabilities":[{"id":"X-1"}],"last_serial":7}`
	}
	for name, tt := range map[string]struct {
		path    string
		answers map[string]string
		want    string
		err     error
	}{
		"newest": {"pypi/a/json", map[string]string{"../pypi/a/1.1/json": info("1.1")}, "whole.json", nil},
		"one": {"pypi/A/v1.0/json", map[string]string{"../pypi/a/1.0/json": info("1.0")},
			`{"info":{"name":"a","version":"1.0","summary":"s"},"vulnerabilities":[{"id":"X-1"}],"last_serial":7,"urls":[{"digests":{"sha256":"00","md5":"11"},"comment_text":"","downloads":-1,"filename":"a-1.0.tar.gz","has_sig":false,"md5_digest":"11","packagetype":"sdist","python_version":"source","requires_python":">=3","size":7,"upload_time":"2024-05-06T07:08:09","upload_time_iso_8601":"2024-05-06T07:08:09.123456Z","url":"https://packages.example/x/main/simple/a/1.0/a-1.0.tar.gz","yanked":false,"yanked_reason":null}]}`, nil},
		"project's document": {"pypi/a/1.1/json", map[string]string{"../pypi/a/json": info("1.1")}, `"id":"X-1"`, nil},
		"other version's":    {"pypi/a/1.0/json", map[string]string{"../pypi/a/json": info("1.1")}, `{"info":{"name":"a","version":"1.0"},"last_serial":0,"vulnerabilities":[],"urls":[`, nil},
		"yanked":             {"pypi/a/1.2/json", nil, `"yanked":true,"yanked_reason":"bad"`, nil},
		"absent":             {"pypi/a/3/json", nil, "", cache.ErrAbsent},
		"no project":         {"pypi/b/json", nil, "", cache.ErrAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			bodies := map[string]string{"a/": legacyDocument}
			maps.Copy(bodies, tt.answers)
			d := &formattest.Desk{Format: Format{}, Registries: []*formattest.Registry{formattest.NewRegistry(bodies)}}
			w, err := get(t, d, tt.path)
			if !errors.Is(err, tt.err) {
				t.Fatal(err)
			}
			if tt.err != nil {
				return
			}
			body := strings.TrimSpace(w.Body.String())
			if !json.Valid([]byte(body)) {
				t.Errorf("no JSON: %s", body)
			}
			if tt.want == "whole.json" {
				checkNewest(t, body)
			} else if !strings.Contains(body, tt.want) {
				t.Errorf("%s\nlacks %s", body, tt.want)
			}
		})
	}
}

// checkNewest: the newest release is neither yanked nor a pre-release while there is another.
func checkNewest(t *testing.T, body string) {
	t.Helper()
	var got struct {
		Info     struct{ Version string }
		URLs     []struct{ Filename, PythonVersion string }
		Releases map[string][]json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Info.Version != "1.1" || len(got.URLs) != 1 || len(got.Releases) != 4 || len(got.Releases["1.2"]) != 1 || strings.Contains(body, "files.registry.example") {
		t.Errorf("%s", body)
	}
}

func TestLegacyOfARegistryThatIsDown(t *testing.T) {
	g := formattest.NewRegistry(map[string]string{"a/": legacyDocument})
	g.Answers["../pypi/a/1.0/json"] = formattest.Answer{Err: errors.New("refused")}
	_, err := get(t, &formattest.Desk{Format: Format{}, Registries: []*formattest.Registry{g}}, "pypi/a/1.0/json")
	if _, ok := errors.AsType[*cache.Unavailable](err); !ok {
		t.Errorf("%v: the vulnerabilities that it knows must not vanish in silence", err)
	}
}

func TestProjects(t *testing.T) {
	one := formattest.NewRegistry(map[string]string{"": `{"meta":{"api-version":"1.0"},"projects":[{"name":"My.Pkg","_last-serial":7},{"name":"a"},{"name":"<b>"}],"x":1}`})
	two := formattest.NewRegistry(map[string]string{"": "<html><a href=x>a</a><a href=y>\n zope </a><a>my_pkg</a><a>&lt;x&gt;</a>"})
	none := formattest.NewRegistry(nil)
	d := &formattest.Desk{Format: Format{}, Registries: []*formattest.Registry{one, none, two}}

	w, err := get(t, d, "simple/", "Accept", typeJSON)
	const want = `{"meta":{"api-version":"1.4"},"projects":[{"name":"My.Pkg","_last-serial":7},{"name":"a"},{"name":"zope"}]}`
	if err != nil || w.Body.String() != want || w.Header().Get("Content-Type") != typeJSON {
		t.Errorf("%v, %s\nwant %s", err, w.Body, want)
	}
	again, err := get(t, d, "simple/", "Accept", typeJSON, "If-None-Match", w.Header().Get("Etag"))
	if err != nil || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("%v, %d", err, again.Code)
	}
	w, err = get(t, d, "simple/")
	if err != nil || !strings.Contains(w.Body.String(), "<body>\n<a href=\"my-pkg/\">My.Pkg</a>\n<a href=\"a/\">a</a>\n<a href=\"zope/\">zope</a>\n</body>") {
		t.Errorf("%v, %s", err, w.Body)
	}
	none.Answers = map[string]formattest.Answer{"": {Err: errors.New("refused")}}
	var down *cache.Unavailable
	if _, err = get(t, d, "simple/"); !errors.As(err, &down) {
		t.Errorf("a registry is down, and its projects vanish in silence: %v", err)
	}
}

func TestExplain(t *testing.T) {
	w := httptest.NewRecorder()
	Format{}.Explain(w, http.StatusForbidden, "held until tomorrow")
	if w.Code != http.StatusForbidden || w.Body.String() != "held until tomorrow\n" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}
