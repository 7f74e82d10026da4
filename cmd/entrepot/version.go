package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of a release build, set by the linker: -X main.release=1.2.3.
var release = "development"

// build describes this build.
func build() (version, revision string) {
	version = release
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, ""
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += " with changes"
		}
	}
	return version, revision
}

func version(_ context.Context, env *environment, args []string) error {
	fs := flags(env, "version", "", "Says which build this is.")
	if err := parse(env, fs, args, 0); err != nil {
		return err
	}
	v, revision := build()
	fmt.Fprintf(env.stdout, "entrepot %s\n", v)
	if revision != "" {
		fmt.Fprintf(env.stdout, "commit %s\n", revision)
	}
	fmt.Fprintf(env.stdout, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
