package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the kernel's unit of CPU time: USER_HZ is 100 on every architecture of Linux that Go knows.
const tick = 10 * time.Millisecond

// processStat is what /proc/PID/stat says (proc_pid_stat(5)).
type processStat struct {
	parent int
	cpu    time.Duration // user and system
}

// parseStat reads /proc/PID/stat. The name in parentheses may itself hold parentheses and blanks.
func parseStat(b []byte) (s processStat, err error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return s, errors.New("stat: no name")
	}
	f := bytes.Fields(b[i+1:]) // from the third field on
	if len(f) < 13 {
		return s, errors.New("stat: too few fields")
	}
	var user, system int64
	for _, n := range []struct {
		field int
		to    *int64
	}{{14, &user}, {15, &system}} {
		if *n.to, err = strconv.ParseInt(string(f[n.field-3]), 10, 64); err != nil {
			return s, fmt.Errorf("stat: %w", err)
		}
	}
	if s.parent, err = strconv.Atoi(string(f[4-3])); err != nil {
		return s, fmt.Errorf("stat: %w", err)
	}
	s.cpu = time.Duration(user+system) * tick
	return s, nil
}

// parseField reads the number behind "NAME:" in /proc/PID/status or /proc/PID/io.
func parseField(b []byte, name string) (int64, error) {
	for line := range bytes.Lines(b) {
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && string(key) == name {
			f := bytes.Fields(value)
			if len(f) == 0 {
				break
			}
			return strconv.ParseInt(string(f[0]), 10, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

func procFile(pid int, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
}

// family is a process and all that descend from it.
func family(root int) (map[int]processStat, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	all := map[int]processStat{}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		b, err := procFile(pid, "stat")
		if err != nil {
			continue // it ended
		}
		if all[pid], err = parseStat(b); err != nil {
			return nil, err
		}
	}
	if _, ok := all[root]; !ok {
		return nil, fmt.Errorf("process %d: %w (the benchmark needs Linux's /proc)", root, fs.ErrNotExist)
	}
	return descendants(all, root), nil
}

func descendants(all map[int]processStat, root int) map[int]processStat {
	in := map[int]processStat{root: all[root]}
	for grown := true; grown; {
		grown = false
		for pid, s := range all {
			_, known := in[pid]
			if _, ok := in[s.parent]; ok && !known {
				in[pid], grown = s, true
			}
		}
	}
	return in
}

// spent is the CPU time between two looks at a family, of the processes that are in both.
func spent(before, after map[int]processStat) time.Duration {
	var d time.Duration
	for pid, s := range after {
		if was, ok := before[pid]; ok {
			d += s.cpu - was.cpu
		}
	}
	return d
}

// sum adds up a field of a file in /proc over a family.
func sum(root int, file, field string) (int64, error) {
	in, err := family(root)
	if err != nil {
		return 0, err
	}
	var total int64
	for pid := range in {
		b, err := procFile(pid, file)
		if err != nil {
			continue // it ended
		}
		n, err := parseField(b, field)
		if err != nil {
			return 0, fmt.Errorf("/proc/PID/%s: %w", file, err)
		}
		total += n
	}
	return total, nil
}

// forgetPeak starts the family's VmHWM anew (proc_pid_clear_refs(5)).
func forgetPeak(root int) error {
	in, err := family(root)
	if err != nil {
		return err
	}
	for pid := range in {
		path := filepath.Join("/proc", strconv.Itoa(pid), "clear_refs")
		if err := os.WriteFile(path, []byte("5"), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
