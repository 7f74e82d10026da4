package main

import "os"

// passedOn are the signals that a command is told of.
var passedOn = []os.Signal{os.Interrupt}
