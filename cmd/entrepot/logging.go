package main

import (
	"log"

	"github.com/rs/zerolog"
)

// stdLogger is for libraries that log by themselves; what they say is about single clients.
func stdLogger(l zerolog.Logger) *log.Logger {
	return log.New(debugWriter{l}, "", 0)
}

type debugWriter struct{ log zerolog.Logger }

func (w debugWriter) Write(p []byte) (int, error) {
	w.log.Debug().Msg(string(p))
	return len(p), nil
}
