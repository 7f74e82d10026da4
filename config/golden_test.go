package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestDiagnostics compares what is said about each testdata/*.hcl with the .golden file beside it.
func TestDiagnostics(t *testing.T) {
	t.Setenv("ENTREPOT_TEST_REGISTRY", "https://registry.example/")
	t.Setenv("ENTREPOT_TEST_SECRET", "a secret of the environment")
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, ds := Load(path)
			here, _ := os.Getwd()
			got := []byte(strings.ReplaceAll(filepath.ToSlash(ds.String()), filepath.ToSlash(here)+"/", ""))
			golden := strings.TrimSuffix(path, ".hcl") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for _, secret := range []string{"hunter2", "in-the-file", "sixteen-characters", "secret of the environment"} {
				if bytes.Contains(got, []byte(secret)) {
					t.Errorf("a diagnostic shows the secret %q", secret)
				}
			}
		})
	}
}
