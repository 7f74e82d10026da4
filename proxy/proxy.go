// Package proxy is the server: it takes requests, finds out who asks for what, decides, and serves it from the cache
// or from the registry.
//
// A request's way is Server → Site → auth → Format.Parse → policy → answer. What is served more than once is kept as
// an answer in memory and served below net/http by the lane. It guarantees that one request sees one Site (invariant
// 6), that policy is decided before the first byte (invariant 7), and that absence, failure and refusal are told apart
// (invariant 10).
package proxy
