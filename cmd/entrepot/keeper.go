package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"entrepot/config"
	"entrepot/proxy"
	"entrepot/proxy/auth"
	"entrepot/proxy/forward"
	"entrepot/proxy/lane"
	"entrepot/upstream/discover"
)

// keeper runs the house of a data directory: the server over it, the configuration and its changes, the search for
// addresses, and the socket for other processes.
type keeper struct {
	*running
	house  *house
	server *proxy.Server
	access *proxy.AccessLog
	socket *http.Server

	forward     *forward.Proxy // before the server: what the port serves
	interceptor *proxy.Interceptor
	registries  *registries
	redirected  net.Listener // of connections that the network redirects here; nil: none
	proxying    atomic.Pointer[proxying]

	stop context.CancelFunc // ends what runs beside
	wg   sync.WaitGroup     // what runs beside

	mu     sync.Mutex // serialises reloads; guards what follows
	file   *config.File
	broken error // why the newest configuration is not in force
}

// flushInterval is how often what is kept back from hits is written down: when tokens were last used, and the like.
const flushInterval = time.Minute

// open opens the data directory and makes the server over it.
func (r *running) open(ctx context.Context, file *config.File, owner *ownership) (*keeper, error) {
	h, err := openHouse(ctx, r.dir, file.Storage.Memory.Bytes(), r.log)
	if err != nil {
		return nil, err
	}
	k := &keeper{running: r, house: h, file: file, access: proxy.NewAccessLog(r.env.stderr)}
	if err := k.prepare(ctx, file); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stop = stop
	if err := k.listenToRedirected(file.Forward.Transparent); err != nil {
		stop()
		return nil, errors.Join(err, h.close(ctx))
	}
	k.listenToOthers(owner)
	k.beside(func() { k.discover(background) })
	k.beside(func() { k.watch(background) })
	k.beside(func() { k.flush(background) })
	k.beside(func() { k.upkeep(background) })
	return k, nil
}

func (k *keeper) beside(do func()) { k.wg.Go(do) }

// prepare makes what the first request needs.
func (k *keeper) prepare(ctx context.Context, file *config.File) error {
	h := k.house
	if err := k.knownAddresses(ctx); err != nil {
		return err
	}
	if err := h.authority.SetAccess(access(file)); err != nil {
		return err
	}
	if file.Access == nil {
		path := filepath.Join(k.dir, "admin-token")
		made, err := h.authority.AdminToken(ctx, path)
		if err != nil {
			return err
		}
		if made {
			k.log.Info().Str("file", path).Msg("an administrator's token was written")
		}
	}
	h.discovering = make(chan struct{})
	if err := h.load(ctx); err != nil {
		return err
	}
	h.change = k.change
	site, err := h.site(ctx, file)
	if err != nil {
		return err
	}
	version, _ := build()
	k.server = proxy.NewServer(site, proxy.Options{
		Rows: h.index, Answers: h.answers, Log: k.log, Access: k.access, Metrics: h.metrics,
		Logins: auth.NewLogins(), Ready: k.ready, Version: version,
	})
	if err := k.setForward(file); err != nil {
		return err
	}
	return k.openForward()
}

// knownAddresses takes the addresses that need no asking: the environment's, then the remembered ones.
func (k *keeper) knownAddresses(ctx context.Context) error {
	given, err := discover.FromEnvironment(os.Environ(), served())
	if err != nil {
		return err
	}
	for _, a := range given {
		k.found(a)
	}
	remembered, err := k.house.index.Addresses(ctx)
	if err != nil {
		return err
	}
	for _, a := range remembered {
		k.found(discover.Address{Connection: a.Connection, Format: served()[a.Connection], URL: a.URL, Source: "remembered: " + a.Source})
	}
	return nil
}

// found takes an address that is news, and says where it came from.
func (k *keeper) found(a discover.Address) bool {
	if !k.house.addresses.learn(a) {
		return false
	}
	k.log.Info().Str("connection", a.Connection).Str("url", a.URL).Str("source", a.Source).Msg("registry")
	return true
}

// discover asks the tools of the machine for the addresses that nothing else gives. Requests for formats that have no
// connection yet wait for it.
func (k *keeper) discover(ctx context.Context) {
	defer close(k.house.discovering)
	news := false
	if k.asks() {
		err := discover.Tools(ctx, discover.Options{Formats: served(), Self: self(k.file)}, func(a discover.Address) {
			if k.found(a) {
				news = true
				k.remember(ctx, a)
			}
		})
		if err != nil {
			k.log.Warn().Err(err).Msg("the tools of this machine could not be asked for registries")
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if news {
		k.apply(ctx, k.file)
	}
}

func (k *keeper) remember(ctx context.Context, a discover.Address) {
	if err := k.house.index.PutAddress(ctx, a.Connection, a.URL, a.Source, time.Now()); err != nil {
		k.log.Warn().Err(err).Msg("an address was not remembered")
	}
}

// asks reports whether the tools have to be asked: a server without domains serves whatever they know; another only
// needs the addresses of its own connections.
func (k *keeper) asks() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.file.Domains) == 0 {
		return true
	}
	for _, d := range overlay(k.file.Domains, k.house.made) {
		for _, r := range d.Repositories {
			if name := r.ExternalConnection; name != "" {
				c := k.file.Connection(name)
				_, known := k.house.addresses.of(name)
				if !known && (c == nil || c.URL == "") {
					return true
				}
			}
		}
	}
	return false
}

// apply puts a configuration in force. k.mu is held.
func (k *keeper) apply(ctx context.Context, file *config.File) {
	site, err := k.house.site(ctx, file)
	if err == nil {
		err = k.house.authority.SetAccess(access(file))
	}
	k.house.metrics.Reloaded(err == nil)
	if err == nil {
		err = k.setForward(file)
	}
	if k.broken = err; err != nil {
		k.log.Error().Err(err).Msg("the configuration cannot be used; the old one stays")
		return
	}
	k.file = file
	k.server.Swap(site)
}

// reload reads the configuration again. A broken one is reported, and the old one stays.
func (k *keeper) reload(why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	file, err := k.settings.load()
	if err != nil {
		k.broken = err
		k.house.metrics.Reloaded(false)
		k.log.Error().Err(err).Str("why", why).Msg("the configuration cannot be used; the old one stays")
		return
	}
	k.apply(context.Background(), file)
	if k.broken == nil {
		k.log.Info().Str("why", why).Msg("the configuration was read again")
	}
}

// watch reads the configuration again whenever its file, or a file that it includes, changes.
func (k *keeper) watch(ctx context.Context) {
	if k.settings.config == "" {
		return
	}
	inputs := func() []string {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.file.Inputs()
	}
	if err := config.Watch(ctx, k.settings.config, inputs, func() { k.reload("the file changed") }); err != nil && ctx.Err() == nil {
		k.log.Warn().Err(err).Msg("changes of the configuration are not noticed; send SIGHUP")
	}
}

func (k *keeper) flush(ctx context.Context) {
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := k.house.authority.Flush(ctx); err != nil {
				k.log.Warn().Err(err).Msg("the last use of tokens was not written down")
			}
		case <-ctx.Done():
			return
		}
	}
}

// ready says what readiness depends on.
func (k *keeper) ready() []proxy.Check {
	k.mu.Lock()
	broken := k.broken
	k.mu.Unlock()
	checks := []proxy.Check{{Name: "configuration", OK: broken == nil, Advisory: true}}
	if broken != nil {
		checks[0].Detail = broken.Error()
	}
	_, err := k.house.index.Repository(context.Background(), "", "")
	checks = append(checks, proxy.Check{Name: "index", OK: err == nil, Detail: detail(err)})
	for _, d := range k.server.Site().Domains {
		for _, r := range d.Repositories() {
			if c := r.Connection(); c != nil {
				checks = append(checks, registryCheck(c.Client))
			}
		}
	}
	slices.SortStableFunc(checks, func(a, b proxy.Check) int { return compareBool(a.Advisory, b.Advisory) })
	return checks
}

func detail(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// inLane puts the lane on a listener.
func (r *running) inLane(l net.Listener, k *keeper) *lane.Listener {
	return lane.Listen(l, lane.Options{
		Answerer: k.server.Warm(), TLS: r.tls, Rejected: k.server.Rejected,
		IdleTimeout: idle, HeaderTimeout: readHeader, WriteTimeout: stalledWrite, MaxConns: maxConns,
	})
}

// stalledWrite is how long a client may take none of an answer; maxConns keeps descriptors for the store's own files.
const (
	stalledWrite = time.Minute
	maxConns     = 16 << 10
)

// close drains the socket and gives everything back.
func (k *keeper) close() error {
	k.stop()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if k.redirected != nil {
		_ = k.redirected.Close()
	}
	err := errors.Join(k.forward.Shutdown(ctx), k.socket.Shutdown(ctx))
	k.wg.Wait()
	k.registries.close()
	if err != nil {
		err = fmt.Errorf("other processes: %w", err)
	}
	return errors.Join(err, k.house.close(ctx), k.access.Close())
}
