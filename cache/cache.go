// Package cache keeps what registries gave: documents with their freshness (Documents), assets while they arrive
// (Fills), and finished answers (Answers). Its values (Package, Version, Asset, Listing …) are the words that every
// room above shares.
//
// It guarantees that one thing is fetched once however many ask for it (invariant 3), that wrong bytes are never
// stored and never end a response cleanly (invariant 4), and that memory holds only immutable things (invariant 8).
package cache
