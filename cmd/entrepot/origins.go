package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"entrepot/proxy/forward"
)

// originsFile keeps the origins where registries say that their files are, one in a line: clients with a lockfile go there
// without asking the registry, after a restart too.
const originsFile = "file-hosts"

// maxOrigins bounds them. A registry has one or two.
const maxOrigins = 200

func readOrigins(dir string) map[string]bool {
	out := map[string]bool{}
	data, err := os.ReadFile(filepath.Join(dir, originsFile))
	if err != nil {
		return out // they will be seen again
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && len(out) < maxOrigins {
			out[line] = true
		}
	}
	return out
}

// Points implements proxy.Registries.
func (s *registries) Points(origins []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := false
	for _, o := range origins {
		t, err := forward.ParseOrigin(o)
		if err == nil && !s.files[t.Origin()] && len(s.files) < maxOrigins {
			s.files[t.Origin()], news = true, true
		}
	}
	if !news {
		return
	}
	text := strings.Join(slices.Sorted(maps.Keys(s.files)), "\n") + "\n"
	if err := os.WriteFile(filepath.Join(s.house.dir, originsFile), []byte(text), 0o600); err != nil {
		s.house.log.Warn().Err(err).Msg("the hosts of registries' files were not remembered")
	}
}

// keepsFiles reports whether registries say that files are there. The scheme is not known before the client speaks.
func (s *registries) keepsFiles(t forward.Target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tls := range []bool{true, false} {
		t.TLS = tls
		if s.files[t.Origin()] {
			return true
		}
	}
	return false
}
