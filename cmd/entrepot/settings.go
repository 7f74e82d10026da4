package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"entrepot/config"
)

// settings are the flags that subcommands share: --config, --data and --listen, or their environment variables.
type settings struct {
	config, data, listen string
}

func (s *settings) register(env *environment, fs *flag.FlagSet, names ...string) {
	for _, name := range names {
		switch name {
		case "config":
			fs.StringVar(&s.config, "config", env.getenv("ENTREPOT_CONFIG"), "configuration `FILE` (environment: ENTREPOT_CONFIG)")
		case "data":
			fs.StringVar(&s.data, "data", env.getenv("ENTREPOT_DATA"), "data `DIRECTORY` (environment: ENTREPOT_DATA; default: $XDG_DATA_HOME/entrepot)")
		case "listen":
			fs.StringVar(&s.listen, "listen", env.getenv("ENTREPOT_LISTEN"), "`ADDRESS` to listen on (environment: ENTREPOT_LISTEN; default: 127.0.0.1:8470)")
		}
	}
}

// load reads the configuration, with the flags in place of what it says.
func (s *settings) load() (*config.File, error) {
	file := config.Default()
	if s.config != "" {
		loaded, diags := config.Load(s.config)
		if diags.HasErrors() {
			return nil, &invalidConfig{diags}
		}
		if diags := config.Unsupported(loaded); diags.HasErrors() {
			return nil, &invalidConfig{diags}
		}
		file = loaded
	}
	if s.data != "" {
		file.Storage.Dir = s.data
	}
	if s.listen != "" {
		file.Listen = s.listen
	}
	return file, nil
}

// open reads the configuration and returns the data directory with it, made if need be.
func (s *settings) open() (*config.File, string, error) {
	file, err := s.load()
	if err != nil {
		return nil, "", err
	}
	dir, err := dataDir(file)
	return file, dir, err
}

// dataDir returns the data directory, made if need be.
func dataDir(file *config.File) (string, error) {
	if file.Storage.Dir == "" {
		return "", errors.New("there is no data directory: set --data, ENTREPOT_DATA or HOME")
	}
	dir, err := filepath.Abs(file.Storage.Dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	return dir, nil
}

// invalidConfig is a configuration that cannot be used, with all that is wrong with it.
type invalidConfig struct{ problems config.Diagnostics }

func (i *invalidConfig) Error() string {
	return fmt.Sprintf("the configuration has %s:\n%s", count(len(i.problems), "problem"), i.problems)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
