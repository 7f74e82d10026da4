package main

import (
	"context"
	"time"
)

// idleAfter is when the memory of a server that does nothing is looked at.
const idleAfter = 5 * time.Second

// idle is the memory of a fresh server that nobody has asked anything.
func idle(ctx context.Context, l *lab, like *server) (values, error) {
	s, err := l.start(ctx, l.contender(like), "access.log")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	select {
	case <-time.After(idleAfter):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rss, err := sum(s.pid(), "status", "VmRSS")
	return values{idleColumn.key: float64(rss) / 1024}, err
}

// start is how long ours takes until it says that it is ready, over an index of 100,000 versions.
func start(ctx context.Context, l *lab, like *server) (values, error) {
	if err := l.makeIndex(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	s, err := l.startIn(ctx, l.contender(like), l.index, "access.log")
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	s.stop()
	return values{startColumn.key: milliseconds(took)}, nil
}

// writtenHits is how many hits writes lets pass.
const writtenHits = 100_000

// writes is what ours has written to disks while it answered hits, its access log going nowhere.
func writes(ctx context.Context, l *lab, like *server) (values, error) {
	s, err := l.start(ctx, l.contender(like), "/dev/null")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	d, err := openDriver(s.addr, l.tarballs[3_000], 32)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if _, err := d.run(settle); err != nil {
		return nil, err
	}
	time.Sleep(quiet) // the miss before the hits is still being written down
	before, err := sum(s.pid(), "io", "write_bytes")
	if err != nil {
		return nil, err
	}
	requests := 0
	for requests < writtenHits {
		out, err := d.run(time.Second)
		if err != nil {
			return nil, err
		}
		requests += out.requests
	}
	time.Sleep(quiet)
	after, err := sum(s.pid(), "io", "write_bytes")
	return values{writesColumn.key: float64(after - before), countColumn.key: float64(requests)}, err
}

// quiet is longer than anything that a server does late.
const quiet = 3 * time.Second
