package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"entrepot/bench/registry"
)

const herdClients = 200

// herdSampling is one in how many answers is checked to the last byte: all of them would take the driver 3 s.
const herdSampling = 20

// herd is many clients that want one cold tarball at the same time. Its packument is known.
func herd(_ context.Context, l *lab, s *server) (values, error) {
	name := l.coldName()
	body := l.registry.AddNPM(name, "1.0.0", registry.NPMVersion{Size: 16_000_000, Seed: uint64(l.cold)})
	defer l.registry.RemoveNPM(name, "")
	if err := l.know(s, name); err != nil {
		return nil, err
	}
	clear := l.registry.Fault("*/"+name+"-1.0.0.tgz", registry.Fault{Latency: 50 * time.Millisecond, Bandwidth: 50_000_000})
	defer clear()
	t := exactly(tarballPath(name, "1.0.0"), body)
	clients := make([]*client, herdClients)
	for i := range clients {
		c, err := dial(s.addr)
		if err != nil {
			return nil, err
		}
		defer c.conn.Close()
		clients[i] = c
	}
	began := time.Now()
	first, err := stampede(clients, &t, t.request(s.addr), began)
	if err != nil {
		return nil, err
	}
	return values{
		askedColumn.key: float64(l.registry.Requests("GET */" + name + "-1.0.0.tgz")),
		firstColumn.key: median(first),
		doneColumn.key:  time.Since(began).Seconds(),
	}, nil
}

// stampede asks on all connections at once, and returns after how many ms each had its first byte.
func stampede(clients []*client, t *target, request []byte, began time.Time) ([]float64, error) {
	first, errs := make([]float64, len(clients)), make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			if errs[i] = c.send(request); errs[i] != nil {
				return
			}
			// The head may come long before: a first byte is one of the body.
			r, err := readReply(c.br)
			if err == nil && r.status == http.StatusOK {
				_, err = c.br.Peek(1)
				first[i] = milliseconds(time.Since(began))
			}
			if err != nil {
				errs[i] = err
				return
			}
			if i%herdSampling == 0 {
				size, content, err := c.digest(&r)
				errs[i] = errors.Join(err, t.check(&r, size, &content))
				return
			}
			size, err := readBody(c.br, &r, nil, c.room)
			errs[i] = errors.Join(err, t.check(&r, size, nil))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return first, nil
}

// coldName is a name that no server knows.
func (l *lab) coldName() string {
	l.cold++
	return fmt.Sprintf("cold-%d", l.cold)
}

// know lets a server know a packument, as it does when a client has resolved before it downloads.
func (l *lab) know(s *server, name string) error {
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/npm/"+benchRepository+"/"+name, nil)
	if err != nil {
		return err
	}
	_, err = fetch(req)
	return err
}
