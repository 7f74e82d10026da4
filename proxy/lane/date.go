package lane

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock makes the last lines of a head once a second.
type clock struct{ now atomic.Pointer[tails] }

// tails are the lines that end a head: Date, and Connection where the connection ends.
type tails struct {
	second      int64
	keep, close []byte
}

func (c *clock) tail(t time.Time, last bool) []byte {
	p := c.now.Load()
	if p == nil || p.second != t.Unix() {
		date := "Date: " + t.UTC().Format(http.TimeFormat) + "\r\n"
		p = &tails{t.Unix(), []byte(date + "\r\n"), []byte(date + "Connection: close\r\n\r\n")}
		c.now.Store(p)
	}
	if last {
		return p.close
	}
	return p.keep
}
