package main

import (
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	all := scenarios()
	if got, err := choose(all, ""); err != nil || len(got) != len(all) {
		t.Errorf("all: %d of %d, %v", len(got), len(all), err)
	}
	got, err := choose(all, "idle, tarball-3k")
	if err != nil || len(got) != 2 || got[0].name != "tarball-3k" || got[1].name != "idle" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := choose(all, "tarball-3k,nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestMachineNamesNoBuild(t *testing.T) {
	if got := release("6.1.0-13-amd64\n"); got != "6.1.0" {
		t.Error(got)
	}
	info := []byte("processor\t: 0\nmodel name\t: A Processor\n\nprocessor\t: 1\nmodel name\t: A Processor\n")
	if got := cpuModel(info); got != "A Processor" {
		t.Error(got)
	}
	if got := cores(info); got != 2 {
		t.Error(got)
	}
}

func TestReadyAddress(t *testing.T) {
	if got, err := readyAddress(strings.NewReader("entrepot ready on http://127.0.0.1:1234\n")); err != nil || got != "127.0.0.1:1234" {
		t.Errorf("%q, %v", got, err)
	}
	for _, line := range []string{"", "entrepot: the configuration has 1 problem\n"} {
		if got, err := readyAddress(strings.NewReader(line)); err == nil {
			t.Errorf("%q is the address %q", line, got)
		}
	}
}
