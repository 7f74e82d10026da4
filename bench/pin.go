package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// The core of the server that is measured, and that of the load driver with the registry.
const (
	serverCore = "0"
	driverCore = "1"
)

// pinnedVariable marks a process that pinSelf has started.
const pinnedVariable = "ENTREPOT_BENCH_PINNED"

// pinnable reports whether there are tools and cores to keep server and driver apart.
func pinnable() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && (os.Getenv(pinnedVariable) != "" || runtime.NumCPU() > 1)
}

// pinSelf runs this program again on the driver's core, in this process's place. It returns if that is where we are,
// or if there is no way.
func pinSelf() error {
	if !pinnable() || os.Getenv(pinnedVariable) != "" {
		return nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	argv := append([]string{taskset, "-c", driverCore, self}, os.Args[1:]...)
	return syscall.Exec(taskset, argv, append(os.Environ(), pinnedVariable+"=1"))
}

// pinned is a command on a core, without the variables of the caller's shell that could lead it astray.
func pinned(ctx context.Context, core, name string, args ...string) *exec.Cmd {
	if pinnable() {
		name, args = "taskset", append([]string{"-c", core, name}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ENTREPOT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}
