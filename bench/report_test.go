package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func example() *report {
	round := func(ours, theirs float64) map[string]values {
		return map[string]values{"entrepot": {"cpu": ours, "rate": 1000}, "nginx": {"cpu": theirs, "rate": 900}}
	}
	hit := []column{rateColumn, cpuColumn}
	return &report{
		Machine: machine{CPU: "A Processor", Cores: 2, Kernel: "linux 6.1.0", Go: "go1.26", Commit: "abc", Date: "2026-01-02", Load: "0.10", Pinned: true},
		Nginx:   "nginx/1.22.1", Rounds: 3, Duration: "1s",
		Results: []result{
			{Scenario: "small", Target: 1.1, columns: hit, Rounds: []map[string]values{round(10, 20), round(12, 10), round(30, 40)}},
			{Scenario: "large", Target: 0.5, columns: hit, Rounds: []map[string]values{round(10, 10)}},
			{Scenario: "free", columns: hit, Rounds: []map[string]values{round(3, 4)}},
			{Scenario: "start", columns: []column{startColumn}, Rounds: []map[string]values{{"entrepot": {"start": 25.4}}}},
		},
	}
}

const exampleText = `commit abc, 2026-01-02
A Processor, 2 cores, kernel linux 6.1.0, go1.26, load before 0.10
beside nginx/1.22.1: proxy_cache, 1 worker, open_file_cache, tcp_nopush off
3 interleaved rounds of 1s; medians; access logs on, buffered; server on one core, driver and registry on another

  scenario    server  req/s  CPU µs/req
     small  entrepot   1000        12.0
     small     nginx    900        20.0
     large  entrepot   1000        10.0
     large     nginx    900        10.0
      free  entrepot   1000         3.0
      free     nginx    900         4.0

  scenario    server  ready ms
     start  entrepot        25

  CPU, ours : nginx  median  lowest  highest  target
              small    0.75    0.50     1.20  ≤ 1.10     met
              large    1.00    1.00     1.00  ≤ 0.50  missed
               free    0.75    0.75     0.75
`

func TestReport(t *testing.T) {
	if got := example().text(); got != exampleText {
		t.Errorf("got\n%s\nwant\n%s", got, exampleText)
	}
}

func TestReportIsWritten(t *testing.T) {
	dir := t.TempDir()
	o := &options{json: filepath.Join(dir, "r.json"), save: filepath.Join(dir, "results")}
	if err := example().write(o); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "results", "2026-01-02.txt")); err != nil || string(b) != exampleText {
		t.Error(string(b), err)
	}
	b, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(b, &back); err != nil || back.Results[0].Rounds[1]["nginx"]["cpu"] != 10 {
		t.Error(string(b), err)
	}
}
