package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"entrepot/config"
)

const readme = "../../README.md"

func readREADME(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestREADMEConfigurations loads each configuration that the README shows, as the server would.
func TestREADMEConfigurations(t *testing.T) {
	t.Setenv("CORP_TOKEN", "only in this test")
	t.Setenv("CI_TOKEN", "only in this test")
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(readREADME(t), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no configuration")
	}
	for _, block := range blocks {
		file := filepath.Join(t.TempDir(), "entrepot.hcl")
		if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, problems := config.Load(file)
		if loaded != nil {
			problems = append(problems, config.Unsupported(loaded)...)
		}
		if problems.HasErrors() {
			t.Errorf("\n%s", problems)
		}
	}
}

// TestREADMENamesWhatThereIs looks up the subcommands and the files that the README speaks of.
func TestREADMENamesWhatThereIs(t *testing.T) {
	text := readREADME(t)
	verbs := regexp.MustCompile("(?:`|/|\\(|\n)entrepot ([a-z]+)").FindAllStringSubmatch(text, -1)
	verbs = append(verbs, regexp.MustCompile(`\./cmd/entrepot ([a-z]+)`).FindAllStringSubmatch(text, -1)...)
	if len(verbs) < 5 {
		t.Errorf("found only %q", verbs)
	}
	for _, verb := range verbs {
		if !slices.ContainsFunc(subcommands(), func(c subcommand) bool { return c.name == verb[1] }) {
			t.Errorf("there is no %q", verb[0])
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([A-Za-z.]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(readme), link[1])); err != nil {
			t.Error(err)
		}
	}
}
