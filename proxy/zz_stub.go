package proxy

import (
	"net/http"
)

type Metrics struct{}

func (*Metrics) ServeHTTP(http.ResponseWriter, *http.Request) {}
func (*Metrics) Counters(f, r string) *Counters               { return nil }

type Counters struct{}

func (*Counters) Count(string, int, int64) {}
