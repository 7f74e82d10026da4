package main

import (
	"context"
	"fmt"
	"os"

	"entrepot/config"
	"entrepot/upstream/discover"
)

func check(_ context.Context, env *environment, args []string) error {
	fs := flags(env, "check", "[--config FILE]", "Validates a configuration and prints every problem at once.")
	var s settings
	s.register(env, fs, "config")
	if err := parse(env, fs, args, 1); err != nil {
		return err
	}
	if fs.NArg() == 1 {
		s.config = fs.Arg(0)
	}
	if s.config == "" {
		return &usageError{"check: say which file: --config FILE", false}
	}
	file, problems := config.Load(s.config)
	if file != nil {
		problems = append(problems, config.Unsupported(file)...)
		given := map[string]bool{}
		found, err := discover.FromEnvironment(os.Environ(), config.Public())
		if err != nil {
			return err
		}
		for _, a := range found {
			given[a.Connection] = true
		}
		// Addresses that only a running server finds (what it remembered, the tools beside it) are no problem of the file.
		problems = append(problems, file.Unaddressed(func(name string) bool { return given[name] || config.Public()[name] != "" }, discover.EnvName)...)
	}
	if problems.HasErrors() {
		_ = problems.Write(env.stderr)
		return fmt.Errorf("%s: %s", s.config, count(len(problems), "problem"))
	}
	fmt.Fprintf(env.stdout, "%s is valid\n", s.config)
	return nil
}
