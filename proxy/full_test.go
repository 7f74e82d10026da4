package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"entrepot/bench/registry"
)

// TestFullDisk: what the store has no room for reaches the clients all the same, and is not stored; what is published
// then is refused with a word that says why.
func TestFullDisk(t *testing.T) {
	s := start(t, setup{maxSize: 2 << 20})
	want := s.registry.AddNPM("big", "1.0.0", registry.NPMVersion{Size: large})
	small := s.registry.AddNPM("small", "1.0.0", registry.NPMVersion{Size: 100_000})
	for range 2 {
		s.serves(tarballPath("main", "big", "1.0.0"), want)
	}
	if s.holds("main", "big", "1.0.0") {
		t.Error("a row was written for what is not stored")
	}
	if use := s.diskUse(); use > 2<<20 {
		t.Errorf("%d bytes are on the disk", use)
	}
	s.serves(tarballPath("main", "small", "1.0.0"), small)
	for range 3 {
		r := s.put("main", sizedRelease("@acme/big", "1.0.0", 1, 4<<20))
		if r.status != http.StatusInsufficientStorage || r.header.Get("X-Entrepot-Error") != "internal" {
			t.Errorf("publishing what there is no room for: %d %q %s, %v", r.status, r.header.Get("X-Entrepot-Error"), r.body, r.err)
		}
	}
	s.publish("main", newRelease("@acme/small", "1.0.0", 1))
	s.serves(tarballPath("main", "big", "1.0.0"), want)
}

// TestRefusedUpload: a client that sends a large body hears why it is not taken, also if it reads only after sending.
func TestRefusedUpload(t *testing.T) {
	s := start(t, setup{})
	body := sizedRelease("@acme/big", "1.0.0", 1, 8<<20).body()
	for range 5 {
		r := s.do(http.MethodPut, documentPath("main", "@acme/big"), bytes.NewReader(body), "Content-Type", "application/json")
		if r.err != nil || r.status != http.StatusUnauthorized {
			t.Errorf("without a credential: %d, %v", r.status, r.err)
		}
		r = s.do(http.MethodPut, documentPath("main", "@acme/other"), bytes.NewReader(body), "Authorization", "Bearer "+publisher)
		if r.err != nil || r.status != http.StatusBadRequest {
			t.Errorf("under another name: %d, %v", r.status, r.err)
		}
	}
	if n := len(s.blobs()); n > 0 {
		t.Errorf("%d blobs were stored", n)
	}
}

// TestWrongBytesOnFullDisk: they end no better where they are only passed through.
func TestWrongBytesOnFullDisk(t *testing.T) {
	s := start(t, setup{maxSize: 2 << 20})
	want := s.registry.AddNPM("wrong", "1.0.0", registry.NPMVersion{Size: large})
	s.registry.Fault("*.tgz", registry.Fault{Flip: large / 2})
	s.unfinished(tarballPath("main", "wrong", "1.0.0"), int64(len(want)))
}

// TestPublishRace: of clients that publish one version with different bytes at once, one wins, and its bytes are served.
func TestPublishRace(t *testing.T) {
	s := start(t, setup{})
	releases := make([]*release, 10)
	statuses := make([]int, len(releases))
	for i := range releases {
		releases[i] = newRelease("@acme/ui", "1.0.0", uint64(i))
	}
	each(len(releases), func(i int) { statuses[i] = s.put("main", releases[i]).status })
	winner := -1
	for i, status := range statuses {
		switch {
		case status == http.StatusCreated && winner < 0:
			winner = i
		case status != http.StatusForbidden:
			t.Errorf("client %d: %d", i, status)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won", statuses)
	}
	s.serves(releases[winner].path("main"), releases[winner].tarball)
	if got := s.packument(documentPath("main", "@acme/ui")).Versions["1.0.0"].Dist.Integrity; got != integrity(releases[winner].tarball) {
		t.Error("the index promises other bytes")
	}
}

// TestSlowClient: a client that does not read keeps nobody else waiting.
func TestSlowClient(t *testing.T) {
	s := start(t, setup{})
	want := s.registry.AddNPM("big", "1.0.0", registry.NPMVersion{Size: large})
	resp, err := client.Do(s.request(http.MethodGet, tarballPath("main", "big", "1.0.0"), nil))
	s.must(err)
	defer resp.Body.Close()
	for range 3 {
		s.serves(tarballPath("main", "big", "1.0.0"), want)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the slow one, in the end: %d bytes, %v", b.Len(), err)
	}
	s.asked("*.tgz", 1)
}

// TestModules: rows of the fault matrix that differ for Go, where 404 and 410 send the go command elsewhere and any
// other failure does not.
func TestModules(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{fresh: 1, absent: 1})
			s.registry.AddModule("example.test/known", "v1.0.0", map[string]string{"f.go": "package known\n"})
			s.registry.AddModule("example.test/unknown", "v1.0.0", nil)
			known := map[string][]byte{}
			for _, file := range []string{"@v/list", "@latest", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"} {
				known[file] = s.ok("go/main/example.test/known/" + file)
			}
			s.fails("go/main/example.test/absent/@v/list", http.StatusNotFound, "absent")
			s.registry.AddModule("example.test/known", "v1.1.0", nil)
			if way.down {
				s.remote.Down()
			} else {
				s.registry.Fault("*", way.fault)
			}
			for range 2 {
				for file, want := range known {
					s.serves("go/main/example.test/known/"+file, want)
				}
				s.fails("go/main/example.test/absent/@v/list", http.StatusNotFound, "absent")
				for _, path := range []string{"unknown/@v/list", "unknown/@latest", "unknown/@v/v1.0.0.info", "unknown/@v/v1.0.0.zip", "known/@v/v1.1.0.info"} {
					r := s.get("go/main/example.test/" + path)
					if r.err == nil && (r.status < 500 || r.header.Get("X-Entrepot-Error") != "upstream") {
						t.Errorf("GET %s: %d %q", path, r.status, r.header.Get("X-Entrepot-Error"))
					}
				}
			}
		})
	}
}

// TestColdModule: 30 clients, one request for each file.
func TestColdModule(t *testing.T) {
	s := start(t, setup{})
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("data%d.bin", i)] = string(registry.Bytes(100_000, uint64(i)))
	}
	s.registry.AddModule("example.test/m", "v1.0.0", files)
	want := moduleZip(t, s.registry, "example.test/m", "v1.0.0")
	s.registry.Forget()
	each(clients, func(int) { s.serves("go/main/example.test/m/@v/v1.0.0.zip", want) })
	s.asked("*.zip", 1)
}
