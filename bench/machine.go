package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is where and of what the figures were taken. It names no host.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Commit string `json:"commit"`
	Date   string `json:"date"`
	Load   string `json:"load"` // average of a minute before: what else ran
	Pinned bool   `json:"pinned"`
}

func thisMachine(ctx context.Context) machine {
	info, _ := os.ReadFile("/proc/cpuinfo") // absent elsewhere
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	average, _ := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(average), " ")
	return machine{
		CPU: cpuModel(info), Cores: cores(info), Kernel: runtime.GOOS + " " + release(string(kernel)), Go: runtime.Version(),
		Commit: commit(ctx), Date: time.Now().UTC().Format(time.DateOnly), Load: load, Pinned: pinnable(),
	}
}

// cpuModel is what /proc/cpuinfo calls the processor.
func cpuModel(info []byte) string {
	for line := range bytes.Lines(info) {
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(key)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return runtime.GOARCH
}

// cores counts the processors of /proc/cpuinfo: runtime.NumCPU is that of a pinned process.
func cores(info []byte) int {
	if n := bytes.Count(info, []byte("processor\t")); n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// release is a kernel's version without what its builder added.
func release(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "-")
	return s
}

// commit names what is measured; "+" says that the tree is not as it was committed.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", "*.go", "go.mod").Output()
	if err != nil || len(bytes.TrimSpace(changes)) > 0 {
		name += "+"
	}
	return name
}

func number(f float64, decimals int) string { return strconv.FormatFloat(f, 'f', decimals, 64) }
