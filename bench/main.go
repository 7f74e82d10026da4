// Command bench measures Entrepôt beside nginx, on one machine and in one run.
//
// It starts a fake registry, ours and, where it is installed, nginx with proxy_cache over the same registry. Each server
// is pinned to one core, the load driver and the registry to another. Servers take turns in every round, so that what
// else the machine does hits all of them; what counts is the median, and the ratio of two servers within a round.
//
//	go run ./bench -scenario tarball-3k,packument -rounds 9 -duration 1s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	scenarios string
	rounds    int
	duration  time.Duration
	json      string
	save      string
	keep      bool
	against   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.scenarios, "scenario", "", "`NAMES` of scenarios, separated by commas (default: all)\n"+describe(scenarios()))
	fs.IntVar(&o.rounds, "rounds", 5, "how often every server has its turn")
	fs.DurationVar(&o.duration, "duration", 3*time.Second, "of a turn under load")
	fs.StringVar(&o.json, "json", "", "write every round's figures to `FILE`")
	fs.StringVar(&o.save, "save", "", "write the tables to `DIR`/DATE.txt")
	fs.BoolVar(&o.keep, "keep", false, "leave the servers' directories and logs behind, and say where")
	fs.StringVar(&o.against, "against", "", "measure the entrepot `BINARY` too, under the name earlier: for changes")
	if err := fs.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(scenarios(), o.scenarios)
	if err != nil {
		return err
	}
	if o.rounds < 1 || o.duration <= 0 || fs.NArg() > 0 {
		return errors.New("rounds and duration must be positive, and nothing may follow the flags")
	}
	if err := pinSelf(); err != nil {
		return err
	}
	return measure(ctx, &o, chosen, stdout, stderr)
}

// measure runs the scenarios and reports.
func measure(ctx context.Context, o *options, chosen []scenario, stdout, stderr io.Writer) (err error) {
	l, err := openLab(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	r := &report{Machine: thisMachine(ctx), Rounds: o.rounds, Duration: o.duration.String(), Nginx: l.nginxVersion}
	if r.Results, err = l.run(ctx, chosen, o.rounds); err != nil {
		return err
	}
	fmt.Fprint(stdout, r.text())
	return r.write(o)
}

func describe(all []scenario) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "  %-15s %s\n", s.name, s.about)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// choose picks scenarios by name, in their own order.
func choose(all []scenario, names string) ([]scenario, error) {
	if names == "" {
		return all, nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	var chosen []scenario
	for _, s := range all {
		if wanted[s.name] {
			chosen = append(chosen, s)
			delete(wanted, s.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("there is no scenario %q", name)
	}
	return chosen, nil
}
