package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// scenario is one thing to measure.
type scenario struct {
	name, about string
	columns     []column
	target      float64 // what ours may take of nginx's CPU time at most; 0: nobody said
	alone       bool    // it makes sense for ours only
	// measure is one turn of one server. Turns of one scenario and server come one after another.
	measure func(ctx context.Context, l *lab, s *server) (values, error)
}

// values are figures by the key of their column.
type values map[string]float64

// column is a figure that scenarios have.
type column struct {
	key, title string
	decimals   int
}

// compared is the key of the column whose ratio between servers is shown.
const compared = "cpu"

// The columns.
var (
	rateColumn   = column{"rate", "req/s", 0}
	p50Column    = column{"p50", "p50 ms", 2}
	p99Column    = column{"p99", "p99 ms", 2}
	cpuColumn    = column{compared, "CPU µs/req", 1}
	peakColumn   = column{"peak", "peak MiB", 1}
	bodyColumn   = column{"body", "body B", 0}
	askedColumn  = column{"asked", "asked registry", 0}
	firstColumn  = column{"first", "first byte ms", 0}
	doneColumn   = column{"done", "all done s", 2}
	idleColumn   = column{"rss", "RSS MiB", 1}
	startColumn  = column{"start", "ready ms", 0}
	writesColumn = column{"written", "bytes written", 0}
	countColumn  = column{"requests", "requests", 0}
)

var loadColumns = []column{rateColumn, p50Column, p99Column, cpuColumn, peakColumn, bodyColumn}

// scenarios are all that there are, in the order of the report.
func scenarios() []scenario {
	return slices.Concat(warmScenarios(), []scenario{
		{
			name: "herd", about: "200 clients, one cold 16 MB tarball, registry at 50 ms and 50 MB/s",
			columns: []column{askedColumn, firstColumn, doneColumn}, measure: herd,
		},
		{
			name: "miss-2k", about: "cold 2 KB tarballs, one request each",
			columns: []column{cpuColumn, askedColumn, countColumn}, measure: misses(2_000, 400),
		},
		{
			name: "miss-16m", about: "cold 16 MB tarballs, one request each",
			columns: []column{cpuColumn, askedColumn, countColumn}, measure: misses(16_000_000, 4),
		},
		{name: "idle", about: "memory 5 s after the start", columns: []column{idleColumn}, measure: idle},
		{name: "start", about: "from the start to the ready line, with 100,000 versions", columns: []column{startColumn}, alone: true, measure: start},
		{
			name: "writes", about: "disk writes during 100,000 hits, access log to /dev/null",
			columns: []column{writesColumn, countColumn}, alone: true, measure: writes,
		},
	})
}

// warmScenarios are hits.
func warmScenarios() []scenario {
	hit := func(name, about string, limit float64, connections int, find func(l *lab, addr string) (target, error)) scenario {
		return scenario{name: name, about: about, target: limit, columns: loadColumns, measure: loaded(connections, find)}
	}
	tarball := func(size int64) func(*lab, string) (target, error) {
		return func(l *lab, _ string) (target, error) { return l.tarballs[size], nil }
	}
	conditional := func(find func(*lab, string) (target, error)) func(*lab, string) (target, error) {
		return func(l *lab, addr string) (target, error) {
			t, err := find(l, addr)
			if err != nil {
				return t, err
			}
			return t.unchanged(addr)
		}
	}
	own := hit("packument-304", "the packument, unchanged", 0, 32, conditional(packument(false)))
	own.alone = true // sub_filter leaves no validator
	return []scenario{
		hit("tarball-3k", "a 3 KB tarball", 1.10, 32, tarball(3_000)),
		hit("tarball-16k", "a 16 KB tarball", 0, 32, tarball(16_000)),
		hit("tarball-320k", "a 320 KB tarball", 0.95, 32, tarball(320_000)),
		hit("tarball-16m", "a 16 MB tarball", 0, 8, tarball(16_000_000)),
		hit("packument", "a packument of 130 KB, rewritten", 0.15, 32, packument(false)),
		hit("packument-gzip", "the same, compressed", 0, 32, packument(true)),
		own,
		hit("tarball-304", "the 3 KB tarball, unchanged", 0, 32, conditional(tarball(3_000))),
		hit("range", "64 KB of a 1 MB tarball", 0, 32, func(l *lab, _ string) (target, error) { return l.part, nil }),
		hit("gomodule", "an 18 KB module zip", 0, 32, func(l *lab, _ string) (target, error) { return l.module, nil }),
		hit("crate-index", "a crate's index of 130 KB", 0, 32, func(l *lab, _ string) (target, error) { return l.crateIndex() }),
		hit("crate", "a 320 KB .crate", 0, 32, func(l *lab, _ string) (target, error) { return l.crateFile() }),
		hit("file", "a 320 KB file of a generic connection", 0, 32, func(l *lab, _ string) (target, error) { return l.genericFile() }),
	}
}

func packument(zipped bool) func(*lab, string) (target, error) {
	return func(_ *lab, addr string) (target, error) {
		return document(addr, "/npm/"+benchRepository+"/"+documentPackage, documentVersions, zipped)
	}
}

// settle is how long a server is loaded before the clock runs: caches fill, and the processor wakes up.
const settle = 300 * time.Millisecond

// loaded is a turn under load.
func loaded(connections int, find func(*lab, string) (target, error)) func(context.Context, *lab, *server) (values, error) {
	return func(_ context.Context, l *lab, s *server) (values, error) {
		t, err := find(l, s.addr)
		if err != nil {
			return nil, err
		}
		d, err := openDriver(s.addr, t, connections)
		if err != nil {
			return nil, err
		}
		defer d.close()
		if _, err := d.run(settle); err != nil {
			return nil, err
		}
		if err := forgetPeak(s.pid()); err != nil {
			return nil, fmt.Errorf("peak memory: %w", err)
		}
		var out *outcome
		cpu, err := s.spends(func() error { out, err = d.run(l.duration); return err })
		if err != nil {
			return nil, err
		}
		peak, err := sum(s.pid(), "status", "VmHWM")
		n := float64(out.requests)
		return values{
			rateColumn.key: n / out.elapsed.Seconds(),
			p50Column.key:  milliseconds(out.took.percentile(50)),
			p99Column.key:  milliseconds(out.took.percentile(99)),
			cpuColumn.key:  float64(cpu.Microseconds()) / n,
			peakColumn.key: float64(peak) / 1024,
			bodyColumn.key: float64(out.bytes) / n,
		}, err
	}
}

// spends is the CPU time that a server takes while something is done.
func (s *server) spends(do func() error) (time.Duration, error) {
	before, err := family(s.pid())
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := family(s.pid())
	return spent(before, after), err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
