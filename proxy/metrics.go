package proxy

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics count what an operator asks about, in a registry of their own. They serve GET /metrics. A nil Metrics counts
// nothing.
type Metrics struct {
	registry *prometheus.Registry
	handler  http.Handler
	counters sync.Map // Scope → *Counters

	requests *prometheus.CounterVec
	failures *prometheus.CounterVec
	sent     *prometheus.CounterVec
	saved    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	stages   map[Stage]prometheus.Observer
	reloads  *prometheus.CounterVec
	reloaded atomic.Int64 // Unix time of the configuration in force
	broken   atomic.Bool  // the newest configuration was refused
}

// Scope is what requests are counted by. It must be of the configuration, never of a request: each Scope takes memory
// for ever.
type Scope struct {
	Domain, Repository, Format string // empty for what belongs to none
}

// Stage is a part of a request's way whose time is measured.
type Stage string

// The stages.
const (
	IndexRead   Stage = "index_read"
	IndexCommit Stage = "index_commit"
	DiskRead    Stage = "disk_read"  // opening and verifying a blob
	DiskWrite   Stage = "disk_write" // spooling and naming one
	Render      Stage = "render"     // merging and encoding a listing
)

// results are the values of X-Cache, and what has none.
var results = [...]string{"hit", "miss", "stale", "revalidated", "none"}

// cached reports whether a result sends bytes that no registry had to send again.
func cached(result int) bool { return results[result] != "miss" && results[result] != "none" }

// NewMetrics returns metrics that ask the sources whenever they are scraped.
func NewMetrics(s Sources) *Metrics {
	scope := []string{"domain", "repository", "format"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "entrepot", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("requests_total", "Requests answered, by what the cache did for them.", append(scope, "result")...),
		failures: counter("request_failures_total", "Requests answered with an error, by its kind.", append(scope, "kind")...),
		sent:     counter("response_bytes_total", "Bytes of bodies sent to clients.", scope...),
		saved:    counter("saved_bytes_total", "Bytes of bodies sent to clients that no registry had to send again.", scope...),
		reloads:  counter("config_reloads_total", "Changes of the configuration, by outcome.", "outcome"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "entrepot", Name: "request_duration_seconds", Help: "Time from a request's head to the last byte of its answer.",
			// From a hit in memory (50 µs) to a large file over a slow line.
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30},
		}, []string{"format", "result"}),
	}
	stages := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "entrepot", Name: "stage_duration_seconds", Help: "Time that a part of a request's way takes.",
		Buckets: []float64{.00001, .0001, .001, .01, .1, 1, 10},
	}, []string{"stage"})
	m.stages = make(map[Stage]prometheus.Observer)
	for _, st := range []Stage{IndexRead, IndexCommit, DiskRead, DiskWrite, Render} {
		m.stages[st] = stages.WithLabelValues(string(st))
	}
	for _, outcome := range []string{"applied", "refused"} {
		m.reloads.WithLabelValues(outcome)
	}
	m.registry.MustRegister(
		m.requests, m.failures, m.sent, m.saved, m.reloads, m.duration, stages, &sources{s, m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// Two scrapes at a time are enough for a pair of Prometheus servers.
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, ErrorHandling: promhttp.ContinueOnError})
	return m
}

// ServeHTTP writes the metrics in Prometheus' text format.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m == nil {
		http.NotFound(w, r)
		return
	}
	m.handler.ServeHTTP(w, r)
}

// Observe adds the time that a stage took.
func (m *Metrics) Observe(s Stage, took time.Duration) {
	if m != nil {
		m.stages[s].Observe(took.Seconds())
	}
}

// Reloaded counts a change of the configuration: applied, or refused while the old one stays in force.
func (m *Metrics) Reloaded(applied bool) {
	switch {
	case m == nil:
	case applied:
		m.reloads.WithLabelValues("applied").Inc()
		m.reloaded.Store(time.Now().Unix())
		m.broken.Store(false)
	default:
		m.reloads.WithLabelValues("refused").Inc()
		m.broken.Store(true)
	}
}

// Failed counts an error of a kind: absent, refused, upstream, invalid, internal or aborted.
func (m *Metrics) Failed(s Scope, kind string) {
	if m != nil {
		m.failures.WithLabelValues(s.Domain, s.Repository, s.Format, kind).Inc()
	}
}

// Counters count the requests of one Scope with atomic additions only, so that a warm answer keeps them at hand.
type Counters struct {
	sent, saved prometheus.Counter
	results     [len(results)]struct {
		requests prometheus.Counter
		duration prometheus.Observer
	}
}

// Counters returns the counters of a scope: always the same ones.
func (m *Metrics) Counters(s Scope) *Counters {
	if m == nil {
		return nil
	}
	if c, ok := m.counters.Load(s); ok {
		return c.(*Counters)
	}
	c := &Counters{
		sent:  m.sent.WithLabelValues(s.Domain, s.Repository, s.Format),
		saved: m.saved.WithLabelValues(s.Domain, s.Repository, s.Format),
	}
	for i, result := range results {
		c.results[i].requests = m.requests.WithLabelValues(s.Domain, s.Repository, s.Format, result)
		c.results[i].duration = m.duration.WithLabelValues(s.Format, result)
	}
	first, _ := m.counters.LoadOrStore(s, c)
	return first.(*Counters)
}

// Count counts a request: its X-Cache, the bytes of its body that were sent, and how long that took.
func (c *Counters) Count(result string, sent int64, took time.Duration) {
	if c == nil {
		return
	}
	i := len(results) - 1
	for j, r := range results {
		if r == result {
			i = j
		}
	}
	c.results[i].requests.Inc()
	c.results[i].duration.Observe(took.Seconds())
	c.sent.Add(float64(sent))
	if cached(i) {
		c.saved.Add(float64(sent))
	}
}
