package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"entrepot/proxy/auth"
)

// The owner of a data directory serves other processes of the same user on a socket: package managers' requests, which
// a process that came later passes on, and the verbs below, which are the subcommands' way to what the owner keeps.
// Whoever can open the socket can read the directory; so there is nothing to authenticate.

// verbs are the paths of the socket's own requests. No format and no repository begins with a dot.
const verbs = "/.owner/"

func (k *keeper) listenToOthers(owner *ownership) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+verbs+"token/{verb}", k.tokenVerb)
	mux.Handle("/", http.HandlerFunc(k.forOthers))
	k.socket = &http.Server{Handler: mux, ReadHeaderTimeout: readHeader, IdleTimeout: idle, MaxHeaderBytes: maxHeader, ErrorLog: stdLogger(k.log)}
	k.beside(func() {
		if err := k.socket.Serve(owner.socket); !errors.Is(err, http.ErrServerClosed) {
			k.log.Error().Err(err).Msg("other processes cannot reach us")
		}
	})
}

// forOthers serves a request that another process passes on for a client of its own.
func (k *keeper) forOthers(w http.ResponseWriter, r *http.Request) {
	r.RemoteAddr = r.Header.Get(clientHeader)
	if r.Header.Get(schemeHeader) == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	r.Header.Del(clientHeader)
	r.Header.Del(schemeHeader)
	origin := r.Header.Get(targetHeader)
	r.Header.Del(targetHeader)
	if origin != "" {
		k.opened(w, r, origin)
		return
	}
	k.forward.ServeHTTP(w, r)
}

// Headers that carry the client's address, and whether it spoke TLS, from the process that it talks to. They never
// leave the machine.
const (
	clientHeader = "X-Entrepot-Client"
	schemeHeader = "X-Entrepot-Scheme"
)

// tokenRequest is what the token verbs take, and tokenReply what they give.
type tokenRequest struct {
	Principal, Note, Domain string
	ReadOnly, AWS           bool
	CIDR                    []string
	Life                    time.Duration
	ID                      string
}

type tokenReply struct {
	Secret string       `json:",omitempty"`
	Tokens []auth.Token `json:",omitempty"`
	Absent bool         `json:",omitempty"`
	Error  string       `json:",omitempty"`
}

func (k *keeper) tokenVerb(w http.ResponseWriter, r *http.Request) {
	var q tokenRequest
	if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply, err := doToken(r.Context(), k.house.authority, r.PathValue("verb"), q)
	if err != nil {
		reply = tokenReply{Error: err.Error(), Absent: errors.Is(err, fs.ErrNotExist)}
	}
	_ = json.NewEncoder(w).Encode(reply)
}

func doToken(ctx context.Context, a *auth.Authority, verb string, q tokenRequest) (tokenReply, error) {
	switch verb {
	case "create":
		secret, t, err := a.IssueTo(ctx, q.Principal, auth.Request{Note: q.Note, Domain: q.Domain, ReadOnly: q.ReadOnly, CIDR: q.CIDR, Life: q.Life, AccessKey: q.AWS})
		if errors.Is(err, fs.ErrNotExist) {
			return tokenReply{}, fmt.Errorf("nobody is called %q: a token or user of that name belongs into the access block; %q is always there", q.Principal, auth.Administrator)
		}
		return tokenReply{Secret: secret, Tokens: []auth.Token{t}}, err
	case "list":
		tokens, err := a.List(ctx, q.Principal)
		return tokenReply{Tokens: tokens}, err
	case "revoke":
		return tokenReply{}, a.Revoke(ctx, "", q.ID)
	}
	return tokenReply{}, fmt.Errorf("there is no verb %q", verb)
}

// askOwner sends a verb to the owner of a data directory.
func askOwner(ctx context.Context, dir, verb string, q tokenRequest) (tokenReply, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return tokenReply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://owner"+verbs+"token/"+verb, bytes.NewReader(body))
	if err != nil {
		return tokenReply{}, err
	}
	resp, err := (&http.Client{Transport: toOwner(dir)}).Do(req)
	if err != nil {
		return tokenReply{}, err
	}
	defer resp.Body.Close()
	var reply tokenReply
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return tokenReply{}, fmt.Errorf("the owner of %s answered %s", dir, resp.Status)
	}
	if reply.Error != "" {
		return reply, errors.New(reply.Error)
	}
	return reply, nil
}
