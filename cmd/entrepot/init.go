package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"entrepot/config"
	"entrepot/upstream/discover"
)

func initialise(ctx context.Context, env *environment, args []string) error {
	fs := flags(env, "init", "[--output FILE]", "Finds the registries that this machine's tools use, and writes a configuration with them.\nWithout --output it is printed.")
	output := fs.String("output", "", "`FILE` to write; it must not exist")
	if err := parse(env, fs, args, 0); err != nil {
		return err
	}
	found := newAddresses()
	given, err := discover.FromEnvironment(os.Environ(), served())
	if err != nil {
		return err
	}
	for _, a := range given {
		found.learn(a)
	}
	if err := discover.Tools(ctx, discover.Options{Formats: served(), Self: self(config.Default())}, func(a discover.Address) { found.learn(a) }); err != nil {
		return err
	}
	for _, a := range found.list() {
		fmt.Fprintf(env.stderr, "%s: %s (%s)\n", a.Connection, a.URL, a.Source)
	}
	if len(found.list()) == 0 {
		return errors.New("no registry was found: no tool on this machine names one, and no ENTREPOT_…_URL is set")
	}
	var text bytes.Buffer
	if err := discover.Write(&text, found.list()); err != nil {
		return err
	}
	if *output == "" {
		_, err := env.stdout.Write(text.Bytes())
		return err
	}
	file, err := os.OpenFile(*output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	return errors.Join(err, file.Close())
}
