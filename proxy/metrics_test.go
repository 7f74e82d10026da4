package proxy

import (
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/upstream/connection"
)

var update = flag.Bool("update", false, "write golden files anew")

func testMetrics() *Metrics { return NewMetrics(testSources()) }

func testSources() Sources {
	return Sources{
		Version: "v1", Commit: "abc",
		Fills: func() (int, int64) { return 2, 3 },
		Connections: func() []ConnectionState {
			return []ConnectionState{{"acme", connection.State{Name: "public:npmjs", Breaker: connection.BreakerOpen, Latency: time.Second,
				Responses: [6]uint64{1, 2, 3, 4, 5, 6}, Failures: map[connection.Kind]uint64{connection.Dial: 7}}}}
		},
		Answers:  func() cache.AnswersStats { return cache.AnswersStats{Hits: 1} },
		Blobs:    func() map[string]blob.MemoryStats { return map[string]blob.MemoryStats{"acme": {Hits: 1}} },
		Disks:    func() map[string]blob.Usage { return map[string]blob.Usage{"acme": {Blobs: 1}} },
		DiskFree: func() (int64, error) { return 1, nil },
		Index:    func() index.Stats { return index.Stats{Writes: 1} },
	}
}

func scrapeOf(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// The names are a contract with dashboards and alerts.
func TestMetricNames(t *testing.T) {
	m := testMetrics()
	m.Counters(Scope{"acme", "team", "npm"}).Count("hit", 5, time.Millisecond)
	m.Failed(Scope{"acme", "team", "npm"}, "upstream")
	pedantic := prometheus.NewPedanticRegistry() // checks that what is collected was described
	if err := pedantic.Register(&sources{testSources(), m}); err != nil {
		t.Fatal(err)
	}
	if _, err := pedantic.Gather(); err != nil {
		t.Error(err)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names strings.Builder
	all := make(map[string]bool)
	for _, f := range families {
		all[f.GetName()] = true
		if !strings.HasPrefix(f.GetName(), "entrepot_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		fmt.Fprintf(&names, "%s %s {%s}\n", strings.ToLower(f.GetType().String()), f.GetName(), strings.Join(labels, ","))
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "process_resident_memory_bytes", "process_open_fds"} {
		if !all[name] && (strings.HasPrefix(name, "go_") || all["process_cpu_seconds_total"]) {
			t.Errorf("there is no %s", name)
		}
	}
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(names.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if names.String() != string(want) {
		t.Errorf("metrics are\n%s, want\n%s", names.String(), want)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "entrepot_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetricValues(t *testing.T) {
	m := testMetrics()
	c := m.Counters(Scope{"acme", "team", "npm"})
	if c != m.Counters(Scope{"acme", "team", "npm"}) {
		t.Error("a scope has two Counters")
	}
	for _, result := range []string{"hit", "hit", "miss", "stale", "revalidated", "", "odd"} {
		c.Count(result, 10, time.Millisecond)
	}
	m.Failed(Scope{}, "absent")
	m.Observe(IndexRead, 20*time.Microsecond)
	got := scrapeOf(t, m)
	for _, want := range []string{
		`entrepot_requests_total{domain="acme",format="npm",repository="team",result="hit"} 2`,
		`entrepot_requests_total{domain="acme",format="npm",repository="team",result="miss"} 1`,
		`entrepot_requests_total{domain="acme",format="npm",repository="team",result="none"} 2`,
		`entrepot_response_bytes_total{domain="acme",format="npm",repository="team"} 70`,
		`entrepot_saved_bytes_total{domain="acme",format="npm",repository="team"} 40`,
		`entrepot_request_duration_seconds_count{format="npm",result="hit"} 2`,
		`entrepot_request_failures_total{domain="",format="",kind="absent",repository=""} 1`,
		`entrepot_stage_duration_seconds_bucket{stage="index_read",le="0.0001"} 1`,
		`entrepot_connection_breaker{connection="public:npmjs",domain="acme",state="open"} 1`,
		`entrepot_connection_breaker{connection="public:npmjs",domain="acme",state="closed"} 0`,
		`entrepot_connection_responses_total{code="5xx",connection="public:npmjs",domain="acme"} 6`,
		`entrepot_connection_failures_total{connection="public:npmjs",domain="acme",kind="dial"} 7`,
		`entrepot_fills_in_flight 2`,
		`entrepot_config_last_reload_successful 1`,
		`entrepot_config_reloads_total{outcome="refused"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	m.Reloaded(false)
	if got := scrapeOf(t, m); !strings.Contains(got, "entrepot_config_last_reload_successful 0\n") {
		t.Error("a refused configuration does not show")
	}
	m.Reloaded(true)
	if got := scrapeOf(t, m); !strings.Contains(got, "entrepot_config_last_reload_successful 1\n") {
		t.Error("an applied configuration does not show")
	}
}

func TestMetricsWithoutSources(t *testing.T) {
	m := NewMetrics(Sources{DiskFree: func() (int64, error) { return 0, errors.New("no") }})
	if got := scrapeOf(t, m); !strings.Contains(got, "entrepot_build_info") || strings.Contains(got, "entrepot_disk") {
		t.Error("metrics without sources")
	}
	var none *Metrics
	none.Counters(Scope{}).Count("hit", 1, 1)
	none.Failed(Scope{}, "absent")
	none.Observe(Render, 1)
	none.Reloaded(true)
	w := httptest.NewRecorder()
	if none.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil)); w.Code != 404 {
		t.Errorf("status %d", w.Code)
	}
}

func TestCountAllocatesNothing(t *testing.T) {
	c := testMetrics().Counters(Scope{"acme", "team", "npm"})
	if n := testing.AllocsPerRun(100, func() { c.Count("hit", 10, time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	c := testMetrics().Counters(Scope{"acme", "team", "npm"})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Count("hit", 3000, 40*time.Microsecond)
		}
	})
}
