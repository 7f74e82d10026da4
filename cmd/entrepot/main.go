// Command entrepot is a pull-through cache between package managers and registries.
//
// Results go to stdout, everything else to stderr. It exits with 0 when it has done what was asked, 1 when that failed
// and 2 when it was asked in a wrong way. `entrepot SUBCOMMAND -h` documents each subcommand.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// environment is what a subcommand works with.
type environment struct {
	stdout, stderr io.Writer
	getenv         func(string) string
}

// subcommand is one verb. run gets the arguments after it.
type subcommand struct {
	name, summary string
	run           func(ctx context.Context, env *environment, args []string) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"serve", "run the server", serve},
		{"exec", "run a command behind a private, caching proxy", execute},
		{"env", "print the variables that lead tools through a running server", printEnv},
		{"init", "find this machine's registries and write a configuration", initialise},
		{"check", "validate a configuration", check},
		{"ca", "show and rotate the certificate authority", ca},
		{"login", "configure a package manager for a repository, with a fresh token", login},
		{"token", "create, list and revoke tokens", token},
		{"doctor", "say how the server and what it needs are doing", doctor},
		{"version", "say which build this is", version},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, &environment{os.Stdout, os.Stderr, os.Getenv}, os.Args[1:])
	stop()
	os.Exit(code)
}

// usageError is a wrong way to ask. The flag package, or whoever made it, has told the user already if told is set.
type usageError struct {
	message string
	told    bool
}

func (u *usageError) Error() string { return u.message }

// run runs the program and returns its exit code.
func run(ctx context.Context, env *environment, args []string) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		out, code := env.stdout, exitDone
		if len(args) == 0 {
			out, code = env.stderr, exitUsage
		}
		usage(out)
		return code
	}
	for _, c := range subcommands() {
		if c.name == args[0] {
			return exitCode(env, c.run(ctx, env, args[1:]))
		}
	}
	fmt.Fprintf(env.stderr, "entrepot: there is no subcommand %q\n\n", args[0])
	usage(env.stderr)
	return exitUsage
}

func exitCode(env *environment, err error) int {
	var wrong *usageError
	var ended exitStatus
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &wrong):
		if !wrong.told {
			fmt.Fprintf(env.stderr, "entrepot: %s\n", wrong.message)
		}
		return exitUsage
	case errors.As(err, &ended):
		return int(ended)
	}
	fmt.Fprintf(env.stderr, "entrepot: %v\n", err)
	return exitFailed
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "Entrepôt is a pull-through cache between package managers and registries.\n\nusage: entrepot SUBCOMMAND [flags]")
	fmt.Fprintln(w)
	for _, c := range subcommands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprintln(w, "\nentrepot SUBCOMMAND -h documents each.")
}

// flags makes the flag set of a subcommand, with the documentation that -h prints.
func flags(env *environment, name, arguments, text string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(env.stderr)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "usage: entrepot %s %s\n\n%s\n", name, arguments, text)
		if hasFlags(fs) {
			fmt.Fprintln(fs.Output())
		}
		fs.PrintDefaults()
	}
	return fs
}

func hasFlags(fs *flag.FlagSet) bool {
	n := 0
	fs.VisitAll(func(*flag.Flag) { n++ })
	return n > 0
}

// parse reads the arguments. most is how many may follow the flags.
func parse(env *environment, fs *flag.FlagSet, args []string, most int) error {
	for _, a := range args {
		if a == "-h" || a == "-help" || a == "--help" {
			fs.SetOutput(env.stdout)
		}
		if a == "--" {
			break
		}
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &usageError{err.Error(), true}
	}
	if fs.NArg() > most {
		return &usageError{fmt.Sprintf("%s: unexpected argument %q", fs.Name(), fs.Arg(most)), false}
	}
	return nil
}
