package proxy

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/upstream/connection"
)

// Sources are asked at each scrape; the metrics of one that is nil stay out. They must be safe for concurrent use, and
// quick.
type Sources struct {
	Version, Commit string // of the build

	Fills       func() (running int, received int64) // cache.Fills.InFlight
	Connections func() []ConnectionState
	Answers     func() cache.AnswersStats
	Blobs       func() map[string]blob.MemoryStats // the memory tier of each domain
	Disks       func() map[string]blob.Usage       // the disk tier of each domain
	DiskFree    func() (int64, error)              // bytes left on the data directory's file system
	Index       func() index.Stats
}

// ConnectionState is how a domain's connection is.
type ConnectionState struct {
	Domain string
	connection.State
}

// sources collects from Sources.
type sources struct {
	Sources
	m *Metrics
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("entrepot_"+name, help, labels, nil)
}

var (
	descBuild      = desc("build_info", "The build that runs; always 1.", "version", "commit", "goversion")
	descReloaded   = desc("config_last_reload_successful", "Whether the newest configuration is in force.")
	descReloadedAt = desc("config_last_applied_timestamp_seconds", "When the configuration in force was applied; 0: at the start.")

	descFills     = desc("fills_in_flight", "Downloads from registries that run.")
	descFillBytes = desc("fills_in_flight_bytes", "Bytes that the downloads which run have received.")

	descRequests  = desc("connection_requests_total", "Requests sent to a registry.", "domain", "connection")
	descRetries   = desc("connection_retries_total", "Requests to a registry after the first attempt.", "domain", "connection")
	descResponses = desc("connection_responses_total", "Answers of a registry, by the class of their status.", "domain", "connection", "code")
	descFailures  = desc("connection_failures_total", "Requests to a registry without an answer, by what happened.", "domain", "connection", "kind")
	descReceived  = desc("connection_received_bytes_total", "Bytes of bodies received from a registry.", "domain", "connection")
	descInFlight  = desc("connection_requests_in_flight", "Requests to a registry that run.", "domain", "connection")
	descWaiting   = desc("connection_requests_waiting", "Requests to a registry that wait for their turn.", "domain", "connection")
	descLatency   = desc("connection_latency_seconds", "Time to a registry's header, averaged over the latest requests.", "domain", "connection")
	descBreaker   = desc("connection_breaker", "1 for the state that the breaker of a connection is in.", "domain", "connection", "state")

	descLookups  = desc("memory_lookups_total", "Lookups in the memory tier.", "tier", "domain", "outcome")
	descMemory   = desc("memory_used_bytes", "Bytes that the memory tier holds.", "tier", "domain")
	descDropped  = desc("memory_dropped_total", "Answers offered to memory and not taken.")
	descEvicted  = desc("memory_evicted_total", "Answers that gave way to others.")
	descUsed     = desc("disk_used_bytes", "Bytes on the disk.", "domain", "kind")
	descFree     = desc("disk_free_bytes", "Bytes left on the file system of the data directory.")
	descWrites   = desc("index_writes_total", "Writes to the index.")
	descCommits  = desc("index_commits_total", "Transactions that the writes to the index took.")
	descIndexLag = desc("index_writes_queued", "Writes to the index that wait.")
)

// Describe implements prometheus.Collector.
func (s *sources) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descBuild, descReloaded, descReloadedAt, descFills, descFillBytes, descRequests, descRetries, descResponses, descFailures,
		descReceived, descInFlight, descWaiting, descLatency, descBreaker, descLookups, descMemory, descDropped, descEvicted,
		descUsed, descFree, descWrites, descCommits, descIndexLag,
	} {
		ch <- d
	}
}

// scrape sends values.
type scrape chan<- prometheus.Metric

func (ch scrape) counter(d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (ch scrape) gauge(d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (ch scrape) flag(d *prometheus.Desc, v bool, labels ...string) {
	n := 0.0
	if v {
		n = 1
	}
	ch.gauge(d, n, labels...)
}

// Collect implements prometheus.Collector.
func (s *sources) Collect(to chan<- prometheus.Metric) {
	ch := scrape(to)
	ch.gauge(descBuild, 1, s.Version, s.Commit, runtime.Version())
	ch.flag(descReloaded, !s.m.broken.Load())
	ch.gauge(descReloadedAt, float64(s.m.reloaded.Load()))
	if s.Fills != nil {
		running, received := s.Fills()
		ch.gauge(descFills, float64(running))
		ch.gauge(descFillBytes, float64(received))
	}
	if s.Connections != nil {
		for _, c := range s.Connections() {
			ch.connection(c)
		}
	}
	s.memory(ch)
	s.disk(ch)
	if s.Index != nil {
		st := s.Index()
		ch.counter(descWrites, float64(st.Writes))
		ch.counter(descCommits, float64(st.Commits))
		ch.gauge(descIndexLag, float64(st.Queued))
	}
}

func (ch scrape) connection(c ConnectionState) {
	ch.counter(descRequests, float64(c.Requests), c.Domain, c.Name)
	ch.counter(descRetries, float64(c.Retries), c.Domain, c.Name)
	ch.counter(descReceived, float64(c.Bytes), c.Domain, c.Name)
	ch.gauge(descInFlight, float64(c.InFlight), c.Domain, c.Name)
	ch.gauge(descWaiting, float64(c.Waiting), c.Domain, c.Name)
	ch.gauge(descLatency, c.Latency.Round(time.Microsecond).Seconds(), c.Domain, c.Name)
	for i, code := range [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		ch.counter(descResponses, float64(c.Responses[i]), c.Domain, c.Name, code)
	}
	for kind, n := range c.Failures {
		ch.counter(descFailures, float64(n), c.Domain, c.Name, string(kind))
	}
	for _, state := range []connection.BreakerState{connection.BreakerClosed, connection.BreakerOpen, connection.BreakerHalfOpen} {
		ch.flag(descBreaker, c.Breaker == state, c.Domain, c.Name, string(state))
	}
}

func (s *sources) memory(ch scrape) {
	if s.Answers != nil {
		st := s.Answers()
		ch.counter(descLookups, float64(st.Hits), "answers", "", "hit")
		ch.counter(descLookups, float64(st.Misses), "answers", "", "miss")
		ch.gauge(descMemory, float64(st.Bytes), "answers", "")
		ch.counter(descDropped, float64(st.Dropped))
		ch.counter(descEvicted, float64(st.Evicted))
	}
	if s.Blobs == nil {
		return
	}
	for domain, st := range s.Blobs() {
		ch.counter(descLookups, float64(st.Hits), "blobs", domain, "hit")
		ch.counter(descLookups, float64(st.Misses), "blobs", domain, "miss")
		ch.gauge(descMemory, float64(st.Used), "blobs", domain)
	}
}

func (s *sources) disk(ch scrape) {
	if s.DiskFree != nil {
		if free, err := s.DiskFree(); err == nil { // the next scrape asks again
			ch.gauge(descFree, float64(free))
		}
	}
	if s.Disks == nil {
		return
	}
	for domain, u := range s.Disks() {
		ch.gauge(descUsed, float64(u.Blobs), domain, "blobs")
		ch.gauge(descUsed, float64(u.Spools), domain, "spools")
		ch.gauge(descUsed, float64(u.Reserved), domain, "reserved")
	}
}
