package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"entrepot/proxy"
)

func doctor(ctx context.Context, env *environment, args []string) error {
	fs := flags(env, "doctor", "[--config FILE] [--data DIR] [--quiet]",
		"Asks the server that owns the data directory how it and its registries are doing. It fails if the server is not\nready, so that it serves as a container's health check.")
	var s settings
	s.register(env, fs, "config", "data")
	quiet := fs.Bool("quiet", false, "print nothing")
	if err := parse(env, fs, args, 0); err != nil {
		return err
	}
	_, dir, err := s.open()
	if err != nil {
		return err
	}
	status, checks, err := askReady(ctx, dir)
	if err != nil {
		return fmt.Errorf("no server runs on %s: %w", dir, err)
	}
	for _, c := range checks {
		if *quiet {
			break
		}
		word := "ok"
		if !c.OK {
			word = "BAD"
		}
		fmt.Fprintf(env.stdout, "%-4s %s", word, c.Name)
		if c.Detail != "" {
			fmt.Fprintf(env.stdout, ": %s", c.Detail)
		}
		fmt.Fprintln(env.stdout)
	}
	if status != http.StatusOK {
		return errors.New("the server is not ready")
	}
	return nil
}

// askReady asks the owner of a data directory whether it is ready.
func askReady(ctx context.Context, dir string) (int, []proxy.Check, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := (&http.Client{Transport: toOwner(dir)}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var reply struct{ Checks []proxy.Check }
	err = json.NewDecoder(resp.Body).Decode(&reply)
	return resp.StatusCode, reply.Checks, err
}
