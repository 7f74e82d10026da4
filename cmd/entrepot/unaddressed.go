package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"entrepot/cache"
	"entrepot/upstream/discover"
)

// unaddressed is the client of a connection whose registry's address nobody knows. It says how to give it one.
type unaddressed string

func (u unaddressed) err() error {
	return &cache.Unavailable{Connection: string(u), Err: fmt.Errorf(
		`it has no address: set url in a block connection %q, or %s in the environment, or install a tool that knows it`,
		string(u), discover.EnvName(string(u)))}
}

// Unaddressed tells the server that the search for addresses may help.
func (u unaddressed) Unaddressed() {}

// Name implements cache.Source.
func (u unaddressed) Name() string { return string(u) }

// RoundTrip implements http.RoundTripper.
func (u unaddressed) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.err() }

// Resolve implements upstream.Client.
func (u unaddressed) Resolve(ref string) (*url.URL, error) {
	return (&url.URL{Scheme: "http", Host: "unaddressed.invalid", Path: "/"}).Parse(ref)
}

// Resume implements upstream.Client.
func (u unaddressed) Resume(context.Context, string, string, int64) (io.ReadCloser, error) {
	return nil, u.err()
}
