package auth

import (
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLogins()
		id, poll, err := l.Begin()
		if err != nil || id == poll || !l.Pending(id) || l.Pending(poll) {
			t.Fatal(id, poll, err)
		}
		if token, done, err := l.Poll(poll); token != "" || done || err != nil {
			t.Errorf("before: %q, %v, %v", token, done, err)
		}
		if err := l.Complete(poll, "x"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the client completed its own login: %v", err)
		}
		if err := l.Complete(id, "token"); err != nil || l.Pending(id) {
			t.Error(err)
		}
		if err := l.Complete(id, "other"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("completed twice: %v", err)
		}
		if _, _, err := l.Poll(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the person's id gives the token away: %v", err)
		}
		if token, done, err := l.Poll(poll); token != "token" || !done || err != nil {
			t.Errorf("after: %q, %v, %v", token, done, err)
		}
		if _, _, err := l.Poll(poll); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the token is given twice: %v", err)
		}
	})
}

func TestLoginsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLogins()
		id, poll, _ := l.Begin()
		for range maxLogins - 1 {
			if _, _, err := l.Begin(); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := l.Begin(); !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: %v", err)
		}
		if !l.Pending(id) {
			t.Error("the first lost its place")
		}
		time.Sleep(loginLife + 1)
		if _, _, err := l.Poll(poll); !errors.Is(err, fs.ErrNotExist) || l.Pending(id) || !errors.Is(l.Complete(id, "x"), fs.ErrNotExist) {
			t.Errorf("after its time: %v", err)
		}
		for range 2 { // the second finds no room
			if _, _, err := l.Begin(); err != nil {
				t.Error(err)
			}
		}
		if len(l.ids) != 2 || len(l.poll) != 2 {
			t.Errorf("%d and %d left", len(l.ids), len(l.poll))
		}
	})
}
