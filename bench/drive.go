package main

import (
	"errors"
	"sync"
	"time"
)

// driver is a number of clients that ask one server for one target.
type driver struct {
	request []byte
	target  target
	clients []*client
}

// openDriver connects, and asks once on every connection, closely looked at.
func openDriver(addr string, t target, connections int) (*driver, error) {
	d := &driver{request: t.request(addr), target: t}
	for range connections {
		c, err := dial(addr)
		if err != nil {
			d.close()
			return nil, err
		}
		d.clients = append(d.clients, c)
	}
	err := d.each(func(c *client) error {
		if err := c.send(d.request); err != nil {
			return err
		}
		return c.receive(&d.target, true)
	})
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *driver) close() {
	for _, c := range d.clients {
		c.conn.Close()
	}
}

// each does something on every connection at once, and waits for all.
func (d *driver) each(do func(*client) error) error {
	errs := make([]error, len(d.clients))
	var wg sync.WaitGroup
	for i, c := range d.clients {
		wg.Go(func() { errs[i] = do(c) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err // one tells enough: the others are like it
		}
	}
	return nil
}

// outcome is what a turn under load gave.
type outcome struct {
	load
	elapsed time.Duration
	took    histogram
}

// run loads the server for a time. It starts and ends with no request on its way, so that what the server has spent
// meanwhile belongs to these requests and no others.
func (d *driver) run(duration time.Duration) (*outcome, error) {
	for _, c := range d.clients {
		c.load, c.took = load{}, histogram{}
	}
	began := time.Now()
	until := began.Add(duration)
	err := d.each(func(c *client) error {
		if err := c.conn.SetDeadline(until.Add(replyTimeout)); err != nil {
			return err
		}
		return c.run(d.request, &d.target, until)
	})
	if err != nil {
		return nil, err
	}
	out := &outcome{elapsed: time.Since(began)}
	for _, c := range d.clients {
		out.requests += c.requests
		out.bytes += c.bytes
		out.took.merge(&c.took)
	}
	if out.requests == 0 {
		return nil, errors.New("no request was answered in time")
	}
	return out, nil
}
