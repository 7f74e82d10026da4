// Package formattest is the harness that every protocol runs: a parse table, golden documents, the laws that hold for
// all of them, and fuzzing. Registry is a registry made of canned answers; Desk is a repository in memory.
//
// It needs no server and opens no socket.
package formattest
