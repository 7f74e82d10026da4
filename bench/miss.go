package main

import (
	"context"
	"fmt"

	"entrepot/bench/registry"
)

// missConnections is how many downloads of a package manager run at once.
const missConnections = 8

// misses is the download of the cold tarballs of count packages, as an install does it: their packuments are known, for
// the client has resolved before.
func misses(size int64, count int) func(context.Context, *lab, *server) (values, error) {
	return func(_ context.Context, l *lab, s *server) (values, error) {
		set := l.coldName()
		targets := make([]target, count)
		for i := range targets {
			name := fmt.Sprintf("%s-%d", set, i)
			body := l.registry.AddNPM(name, "1.0.0", registry.NPMVersion{Size: size, Seed: uint64(l.cold<<16 + i)})
			defer l.registry.RemoveNPM(name, "")
			targets[i] = exactly(tarballPath(name, "1.0.0"), body)
			if err := l.know(s, name); err != nil {
				return nil, err
			}
		}
		cpu, err := s.spends(func() error { return download(s.addr, targets) })
		return values{
			cpuColumn.key:   float64(cpu.Microseconds()) / float64(count),
			askedColumn.key: float64(l.registry.Requests("GET */" + set + "-*.tgz")),
			countColumn.key: float64(count),
		}, err
	}
}

// download asks for each target once, and looks closely.
func download(addr string, targets []target) error {
	d := &driver{}
	defer d.close()
	work := make(chan *target, len(targets))
	for i := range targets {
		work <- &targets[i]
	}
	close(work)
	for range min(missConnections, len(targets)) {
		c, err := dial(addr)
		if err != nil {
			return err
		}
		d.clients = append(d.clients, c)
	}
	return d.each(func(c *client) error {
		for t := range work {
			if err := c.send(t.request(addr)); err != nil {
				return err
			}
			if err := c.receive(t, true); err != nil {
				return err
			}
		}
		return nil
	})
}
