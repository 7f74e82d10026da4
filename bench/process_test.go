package main

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " 0 -1 4194560 1 2 3 4 1234 56 78 9 20 0 8 0 11 12 13"
	for _, c := range []struct {
		name, stat string
		parent     int
		cpu        time.Duration
		bad        bool
	}{
		{name: "plain", stat: "42 (entrepot) S 7 42 42" + tail, parent: 7, cpu: 12900 * time.Millisecond},
		{name: "a name with parentheses", stat: "42 (a) S (b) R 7 42 42" + tail, parent: 7, cpu: 12900 * time.Millisecond},
		{name: "no name", stat: "42 S 7", bad: true},
		{name: "too short", stat: "42 (x) S 7 42", bad: true},
		{name: "no number", stat: "42 (x) S 7 42 42 0 -1 4194560 1 2 3 4 many 56 78", bad: true},
		{name: "empty", bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseStat([]byte(c.stat))
			if (err != nil) != c.bad {
				t.Fatal(err)
			}
			if s.parent != c.parent || s.cpu != c.cpu {
				t.Errorf("got parent %d and %v, want %d and %v", s.parent, s.cpu, c.parent, c.cpu)
			}
		})
	}
}

func TestParseField(t *testing.T) {
	status := []byte("Name:\tnginx\nVmHWM:\t    7648 kB\nVmHWMx:\t1 kB\nEmpty:\n")
	if n, err := parseField(status, "VmHWM"); err != nil || n != 7648 {
		t.Errorf("VmHWM: %d, %v", n, err)
	}
	for _, name := range []string{"VmRSS", "Name", "Empty"} {
		if n, err := parseField(status, name); err == nil {
			t.Errorf("%s: %d and no error", name, n)
		}
	}
}

func TestDescendants(t *testing.T) {
	all := map[int]processStat{1: {0, 0}, 10: {1, 0}, 9: {10, 0}, 8: {9, 0}, 20: {1, 0}, 21: {20, 0}}
	got := slices.Sorted(maps.Keys(descendants(all, 10)))
	if want := []int{8, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSpentCountsWhatWasThereAllTheTime(t *testing.T) {
	before := map[int]processStat{1: {cpu: 10}, 2: {cpu: 100}}
	after := map[int]processStat{1: {cpu: 15}, 3: {cpu: 1000}}
	if got := spent(before, after); got != 5 {
		t.Errorf("got %d, want 5", got)
	}
}

func TestOwnProcessIsInItsFamily(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc on " + runtime.GOOS)
	}
	if rss, err := sum(os.Getpid(), "status", "VmRSS"); err != nil || rss < 1000 {
		t.Errorf("this process takes %d kB, %v", rss, err)
	}
	if in, err := family(1 << 30); err == nil {
		t.Errorf("a process that is not there has the family %v", in)
	}
}
