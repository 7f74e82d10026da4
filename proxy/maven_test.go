package proxy_test

import (
	"bufio"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/maven"
)

const (
	libIndex = "com/acme/lib/maven-metadata.xml"
	libJar   = "com/acme/lib/1.0/lib-1.0.jar"
)

// startMaven starts a server with team, which has releases and central-store upstream; central-store is connected.
func startMaven(t *testing.T, r *registry.Registry, more ...repo) *site {
	t.Helper()
	return start(t, setup{registry: r, formats: []format.Format{maven.Format{}}, repos: append([]repo{
		{name: "central-store", connection: "public:maven-central"},
		{name: "releases"},
	}, append(more, repo{name: "team", upstreams: append([]string{"releases", "central-store"}, names(more)...)})...)})
}

func names(repos []repo) []string {
	var out []string
	for _, r := range repos {
		out = append(out, r.name)
	}
	return out
}

var checksums = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

func checksumOf(algorithm string, b []byte) string {
	h := checksums[algorithm]()
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// deploys publishes a version into releases: file, checksum, metadata.
func (s *site) deploys(path string, jar []byte, index, version string) {
	s.t.Helper()
	parts := strings.Split(strings.TrimSuffix(index, "/maven-metadata.xml"), "/")
	metadata := fmt.Sprintf("<metadata><groupId>%s</groupId><artifactId>%s</artifactId><versioning><versions><version>%s</version></versions></versioning></metadata>",
		strings.Join(parts[:len(parts)-1], "."), parts[len(parts)-1], version)
	for _, f := range [][2]string{{path, string(jar)}, {path + ".sha1", checksumOf("sha1", jar)}, {index, metadata}} {
		if r := s.deploy(f[0], f[1]); r.status != http.StatusCreated {
			s.t.Fatalf("PUT %s: %d %s", f[0], r.status, r.body)
		}
	}
}

func (s *site) deploy(path, body string) reply {
	return s.do(http.MethodPut, "maven/releases/"+path, strings.NewReader(body), "Authorization", "Bearer "+publisher)
}

// mavenVersions checks which versions an index shows, in order.
func (s *site) mavenVersions(path string, want ...string) {
	s.t.Helper()
	var got []string
	for _, part := range strings.Split(string(s.ok(path)), "<version>")[1:] {
		v, _, _ := strings.Cut(part, "</version>")
		got = append(got, v)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("%s has %v, want %v", path, got, want)
	}
}

// TestMavenChecksumsAreOfTheBytesServed asks twice, so that the second answer comes from memory.
func TestMavenChecksumsAreOfTheBytesServed(t *testing.T) {
	r := registry.New(registry.Options{})
	jar := registry.Bytes(200_000, 1)
	r.AddArtifact("com.acme", "lib", "1.0", map[string]string{".jar": string(jar)})
	s := startMaven(t, r)
	s.deploys("com/acme/own/1.0/own-1.0.jar", jar, "com/acme/own/maven-metadata.xml", "1.0")
	for _, path := range []string{libIndex, libJar, "com/acme/own/maven-metadata.xml", "com/acme/own/1.0/own-1.0.jar"} {
		path = "maven/team/" + path
		for algorithm := range checksums { // before the bytes themselves
			s.ok(path + "." + algorithm)
		}
		for range 2 {
			b := s.ok(path)
			for algorithm := range checksums {
				if got := s.ok(path + "." + algorithm); string(got) != checksumOf(algorithm, b) {
					t.Errorf("%s of %s is %s", algorithm, path, got)
				}
			}
		}
	}
	if got := s.get("maven/team/" + libJar).header.Get("X-Checksum-Sha1"); got != checksumOf("sha1", jar) {
		t.Errorf("X-Checksum-Sha1 is %q", got)
	}
	s.asked("*.jar", 1)
}

// TestMavenPromisesAreKept shows that wrong bytes are not stored, however the registry tells what they should be.
func TestMavenPromisesAreKept(t *testing.T) {
	const plain = "com/acme/lib/1.0/lib-1.0.bin" // of no kind that could be checked by itself
	for name, c := range map[string]struct {
		file    string
		promise registry.MavenPromise
		sum     string // in place of the true .sha1
		fault   registry.Fault
	}{
		"beside":                {plain, registry.MavenBeside, checksumOf("sha1", []byte("other")), registry.Fault{}},
		"beside, bytes changed": {plain, registry.MavenBeside, "", registry.Fault{Flip: 100}},
		"header, bytes changed": {plain, registry.MavenHeader, "", registry.Fault{Flip: 100}},
		"silent, no archive":    {libJar, registry.MavenSilent, "", registry.Fault{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry.New(registry.Options{})
			r.AddArtifact("com.acme", "lib", "1.0", map[string]string{".jar": string(registry.Bytes(1000, 1)), ".bin": string(registry.Bytes(1000, 2))})
			r.PromiseMaven(c.promise)
			if c.sum != "" {
				r.PutMaven(c.file+".sha1", []byte(c.sum))
			}
			r.Fault("*"+c.file, c.fault)
			s := startMaven(t, r)
			s.fails("maven/team/"+c.file, http.StatusBadGateway, "upstream")
			if n := len(s.blobs()); n != 0 {
				t.Errorf("%d blobs are stored", n)
			}
		})
	}
}

func TestMavenPromiseThatCannotBeAsked(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddArtifact("com.acme", "lib", "1.0", map[string]string{".jar": "jar"})
	s := startMaven(t, r)
	clear := r.Fault("*.sha1", registry.Fault{Status: http.StatusServiceUnavailable})
	s.fails("maven/team/"+libJar, http.StatusBadGateway, "upstream")
	clear()
	s.serves("maven/team/"+libJar, []byte("jar"))
	r.PutMaven("com/acme/lib/1.0/lib-1.0.txt", []byte("text"))
	r.PromiseMaven(registry.MavenSilent)
	s.serves("maven/team/com/acme/lib/1.0/lib-1.0.txt", []byte("text")) // nothing to check, and pinned
}

// TestMavenAbsence shows invariant 10: absent is 404, down is not.
func TestMavenAbsence(t *testing.T) {
	r := registry.New(registry.Options{})
	s := startMaven(t, r)
	for _, path := range []string{libIndex, libIndex + ".sha1", libJar, libJar + ".md5", "com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml", "archetype-catalog.xml"} {
		s.fails("maven/team/"+path, http.StatusNotFound, "absent")
	}
	r.Fault("", registry.Fault{Status: http.StatusInternalServerError})
	for _, path := range []string{"com/acme/new/maven-metadata.xml", "com/acme/new/1.0/new-1.0.jar", "com/acme/new/1.0/new-1.0.jar.sha1", "com/acme/new/1-SNAPSHOT/maven-metadata.xml"} {
		if got := s.fails("maven/team/"+path, http.StatusBadGateway, "upstream").header.Get("Retry-After"); got == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
}

// TestMavenUnlistedVersion shows that a version is to be had that no metadata lists, and that having it breaks nothing.
func TestMavenUnlistedVersion(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddArtifact("com.acme", "lib", "1.0", nil)
	r.PutMaven("com/acme/lib/1.1/lib-1.1.jar", []byte("jar"))
	r.PutMaven("com/acme/lib/1.2-SNAPSHOT/lib-1.2-20260101.000000-1.jar", []byte("build"))
	s := startMaven(t, r)
	s.mavenVersions("maven/team/"+libIndex, "1.0")
	s.serves("maven/team/com/acme/lib/1.1/lib-1.1.jar", []byte("jar"))
	s.serves("maven/team/com/acme/lib/1.2-SNAPSHOT/lib-1.2-20260101.000000-1.jar", []byte("build"))
	for range 2 {
		b := s.ok("maven/team/" + libIndex)
		if got := s.ok("maven/team/" + libIndex + ".sha512"); string(got) != checksumOf("sha512", b) {
			t.Errorf("the checksum is not that of %s", b)
		}
		s.restart()
	}
}

// TestMavenMerge has an artifact in a repository, at two connections, and in parts in all of them.
func TestMavenMerge(t *testing.T) {
	one, two := registry.New(registry.Options{}), registry.New(registry.Options{})
	for v, r := range map[string]*registry.Registry{"1.0": one, "1.10": one, "1.9": two} {
		r.AddArtifact("com.acme", "lib", v, map[string]string{".jar": "theirs " + v})
	}
	two.AddArtifact("com.acme", "lib", "1.0", map[string]string{".jar": "of the second"})
	one.AddPlugin("com.acme", "one", "one-maven-plugin")
	two.AddPlugin("com.acme", "two", "two-maven-plugin")
	remote := two.Start(t)
	s := start(t, setup{
		registry: one, formats: []format.Format{maven.Format{}}, connections: map[string]string{"public:maven-two": remote.URL + "/maven/"},
		repos: []repo{
			{name: "central-store", connection: "public:maven-central"}, {name: "two-store", connection: "public:maven-two"}, {name: "releases"},
			{name: "team", upstreams: []string{"releases", "central-store", "two-store"}}, {name: "turned", upstreams: []string{"two-store", "central-store"}},
		},
	})
	s.mavenVersions("maven/team/"+libIndex, "1.0", "1.9", "1.10")
	s.mavenVersions("maven/turned/"+libIndex, "1.0", "1.9", "1.10")
	if b := string(s.ok("maven/team/com/acme/maven-metadata.xml")); !strings.Contains(b, "one-maven-plugin") || !strings.Contains(b, "two-maven-plugin") {
		t.Errorf("plugins: %s", b)
	}
	s.deploys("com/acme/three-maven-plugin/1.0/three-maven-plugin-1.0.jar", []byte("plugin"), "com/acme/three-maven-plugin/maven-metadata.xml", "1.0")
	group := "<metadata><plugins><plugin><prefix>%s</prefix><artifactId>three-maven-plugin</artifactId></plugin></plugins></metadata>"
	for _, prefix := range []string{"three", "one"} { // the second is known outside, as another plugin's
		if r := s.deploy("com/acme/maven-metadata.xml", fmt.Sprintf(group, prefix)); r.status != http.StatusCreated {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	b := string(s.ok("maven/team/com/acme/maven-metadata.xml"))
	if strings.Count(b, "three-maven-plugin") != 2 || !strings.Contains(b, "two-maven-plugin") || strings.Contains(b, "one-maven-plugin") {
		t.Errorf("plugins of a group that is inside and outside: %s", b)
	}
	s.serves("maven/team/"+libJar, []byte("theirs 1.0"))
	s.serves("maven/team/com/acme/lib/1.9/lib-1.9.jar", []byte("theirs 1.9"))
	two.Fault("", registry.Fault{Status: http.StatusInternalServerError})
	s.fails("maven/team/com/acme/other/maven-metadata.xml", http.StatusBadGateway, "upstream")
	// What is published inside is never answered from outside.
	s.deploys("com/acme/lib/7.0/lib-7.0.jar", []byte("ours"), libIndex, "7.0")
	s.mavenVersions("maven/team/"+libIndex, "7.0")
	s.fails("maven/team/com/acme/lib/1.10/lib-1.10.jar", http.StatusNotFound, "absent")
}

// TestMavenNoCacheIsAHabit: Maven says no-cache in every request.
func TestMavenNoCacheIsAHabit(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddArtifact("com.acme", "lib", "1.0", nil)
	s := startMaven(t, r)
	for range 3 {
		s.ok("maven/team/"+libIndex, "Cache-Control", "no-cache, no-store", "Pragma", "no-cache")
		k := cache.DocumentKey{Domain: "test", Connection: "public:maven-central", Path: libIndex}
		doc, err := s.index.Document(t.Context(), k)
		s.must(err)
		doc.Checked = doc.Checked.Add(-time.Minute) // within the five of freshness, and beyond the one second of insisting
		s.must(s.index.PutDocument(t.Context(), doc))
		s.restart() // so that memory has no answer
	}
	s.asked("*/maven-metadata.xml", 1)
}

func TestMavenDeploy(t *testing.T) {
	s := startMaven(t, registry.New(registry.Options{}))
	if r := s.deploy(libJar, "jar"); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	s.fails("maven/team/"+libJar, http.StatusNotFound, "absent") // unfinished
	s.deploys(libJar, []byte("jar"), libIndex, "1.0")            // the first file again, and the rest
	s.serves("maven/team/"+libJar, []byte("jar"))
	s.mavenVersions("maven/team/"+libIndex, "1.0")
	if r := s.deploy(libJar, "other"); r.status != http.StatusConflict {
		t.Errorf("other bytes: %d", r.status)
	}
	if r := s.deploy(libJar+".sha1", checksumOf("sha1", []byte("other"))); r.status != http.StatusBadRequest {
		t.Errorf("a wrong checksum: %d", r.status)
	}
	if r := s.deploy("com/acme/lib/1.0/lib-1.0.war.sha1", checksumOf("sha1", nil)); r.status != http.StatusNotFound {
		t.Errorf("the checksum of nothing: %d", r.status)
	}
	s.restart()
	s.serves("maven/team/"+libJar, []byte("jar"))
	s.asked("*", 0) // the name was never sent outside
}

func TestMavenParallelDeploysLoseNothing(t *testing.T) {
	s := startMaven(t, registry.New(registry.Options{}))
	var all sync.WaitGroup
	var want []string
	for i := range 8 {
		v := fmt.Sprintf("1.%d", i)
		want = append(want, v)
		all.Go(func() {
			s.deploys("com/acme/lib/"+v+"/lib-"+v+".jar", registry.Bytes(5000, uint64(i)), libIndex, v)
		})
	}
	all.Wait()
	s.mavenVersions("maven/team/"+libIndex, want...)
}

// TestMavenExpectContinue shows that a client that may not deploy is told so before it sends its file.
func TestMavenExpectContinue(t *testing.T) {
	s := startMaven(t, registry.New(registry.Options{}))
	for _, c := range []struct{ authorization, first, last string }{
		{"", "401", ""}, {"Authorization: Bearer " + publisher + "\r\n", "100", "201"},
	} {
		host := strings.Trim(strings.TrimPrefix(s.url, "http://"), "/")
		conn, err := net.Dial("tcp", host)
		s.must(err)
		defer conn.Close()
		fmt.Fprintf(conn, "PUT /maven/releases/%s HTTP/1.1\r\nHost: %s\r\n%sExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", libJar, host, c.authorization)
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		s.must(err)
		if !strings.HasPrefix(resp.Status, c.first) {
			t.Errorf("first %s, want %s", resp.Status, c.first)
		}
		if c.last == "" {
			continue
		}
		fmt.Fprint(conn, "jar")
		resp, err = http.ReadResponse(in, nil)
		s.must(err)
		if !strings.HasPrefix(resp.Status, c.last) {
			t.Errorf("then %s, want %s", resp.Status, c.last)
		}
	}
}
