package main

import (
	"entrepot/cache/blob"
	"entrepot/proxy"
)

// newMetrics are the metrics over everything in the house.
func (h *house) newMetrics() *proxy.Metrics {
	version, commit := build()
	return proxy.NewMetrics(proxy.Sources{
		Version: version, Commit: commit,
		Fills: h.inFlight, Connections: h.states, Answers: h.answers.Stats, Blobs: h.memories, Disks: h.disks,
		DiskFree: func() (int64, error) { return blob.Free(h.dir) },
		Index:    h.index.Stats,
	})
}

// each calls f for what each domain keeps.
func (h *house) each(f func(domain string, s *stores)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, s := range h.domains {
		f(name, s)
	}
}

func (h *house) inFlight() (running int, received int64) {
	h.each(func(_ string, s *stores) {
		n, b := s.Fills.InFlight()
		running, received = running+n, received+b
	})
	return running, received
}

func (h *house) memories() map[string]blob.MemoryStats {
	out := map[string]blob.MemoryStats{}
	h.each(func(name string, s *stores) { out[name] = s.memory.Stats() })
	return out
}

func (h *house) disks() map[string]blob.Usage {
	out := map[string]blob.Usage{}
	h.each(func(name string, s *stores) { out[name] = s.disk.Usage() })
	return out
}

// states are how the connections are doing. One client serves a connection in all domains.
func (h *house) states() []proxy.ConnectionState {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []proxy.ConnectionState
	for _, c := range h.connections {
		out = append(out, proxy.ConnectionState{State: c.State()})
	}
	return out
}
