package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"entrepot/bench/registry"
)

// lab is everything that runs during a benchmark.
type lab struct {
	dir          string
	keep         bool
	duration     time.Duration
	progress     io.Writer
	registry     *registry.Registry
	listener     *registry.Listener
	contenders   []contender // ours first
	servers      []*server   // one of each, in their order
	nginxVersion string
	cold         int    // how many cold packages were made
	index        string // a data directory with 100,000 versions, once it is made

	// What is asked for.
	tarballs map[int64]target // by size
	part     target           // 64 KB of 1 MB
	module   target
}

// openLab builds and starts everything.
func openLab(ctx context.Context, o *options, progress io.Writer) (l *lab, err error) {
	l = &lab{keep: o.keep, duration: o.duration, progress: progress, registry: registry.New(registry.Options{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.dir, err = os.MkdirTemp("", "entrepot-bench"); err != nil {
		return l, err
	}
	l.fill()
	if l.listener, err = l.registry.Listen("127.0.0.1:0"); err != nil {
		return l, err
	}
	if l.module, err = l.moduleZip(); err != nil {
		return l, err
	}
	fmt.Fprintln(progress, "building entrepot")
	binary, err := buildEntrepot(ctx, l.dir)
	if err != nil {
		return l, err
	}
	l.contenders = []contender{entrepot("entrepot", binary, l.listener.URL)}
	if o.against != "" {
		l.contenders = append(l.contenders, entrepot("earlier", o.against, l.listener.URL))
	}
	if c, ok := nginx(l.listener.URL); ok {
		l.contenders = append(l.contenders, c)
		l.nginxVersion = nginxVersion(ctx)
	} else {
		fmt.Fprintln(progress, "nginx is not installed: ours is measured alone")
	}
	for _, c := range l.contenders {
		s, err := l.start(ctx, c, "access.log")
		if err != nil {
			return l, err
		}
		l.servers = append(l.servers, s)
	}
	return l, nil
}

// start starts a contender in a directory of its own.
func (l *lab) start(ctx context.Context, c contender, log string) (*server, error) {
	dir, err := os.MkdirTemp(l.dir, c.name)
	if err != nil {
		return nil, err
	}
	return l.startIn(ctx, c, dir, log)
}

func (l *lab) startIn(ctx context.Context, c contender, dir, log string) (*server, error) {
	if !filepath.IsAbs(log) {
		log = filepath.Join(dir, log)
	}
	return c.start(ctx, dir, log)
}

// contender is the one whose server s is.
func (l *lab) contender(s *server) contender {
	for _, c := range l.contenders {
		if c.name == s.name {
			return c
		}
	}
	return contender{}
}

func (l *lab) close() error {
	for _, s := range l.servers {
		s.stop()
	}
	if l.listener != nil {
		l.listener.Down()
	}
	if l.keep {
		fmt.Fprintln(l.progress, "kept:", l.dir)
		return nil
	}
	return os.RemoveAll(l.dir)
}

// result is what a scenario gave.
type result struct {
	Scenario string              `json:"scenario"`
	About    string              `json:"about"`
	Target   float64             `json:"target,omitempty"`
	Rounds   []map[string]values `json:"rounds"` // each: server to figures
	columns  []column
}

// run measures: in every round each scenario, in every scenario each server. Who begins changes from round to round.
func (l *lab) run(ctx context.Context, chosen []scenario, rounds int) ([]result, error) {
	results := make([]result, len(chosen))
	for i, sc := range chosen {
		results[i] = result{Scenario: sc.name, About: sc.about, Target: sc.target, columns: sc.columns}
	}
	for round := range rounds {
		for i, sc := range chosen {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			fmt.Fprintf(l.progress, "round %d of %d: %s\n", round+1, rounds, sc.name)
			turn, err := l.turn(ctx, sc, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sc.name, err)
			}
			results[i].Rounds = append(results[i].Rounds, turn)
		}
	}
	return results, nil
}

func (l *lab) turn(ctx context.Context, sc scenario, round int) (map[string]values, error) {
	out := map[string]values{}
	for i := range l.servers {
		s := l.servers[(i+round)%len(l.servers)]
		if sc.alone && s.name == "nginx" {
			continue
		}
		v, err := sc.measure(ctx, l, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		out[s.name] = v
	}
	return out, nil
}
