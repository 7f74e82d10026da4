// Package index keeps the rows: which repository holds which versions and assets, what registries' documents were,
// which bytes were pinned, and the tokens. It is one concrete DB over database/sql; rooms above declare the narrow
// port that they need of it.
//
// It guarantees:
//
//   - a write that returned is visible to every later read; one that was asked to be durable survives kill -9 and power
//     loss (invariant 12);
//   - all that one call writes is written, or nothing of it;
//   - all assets of a version in a repository have one origin (invariant 5), and the bytes of an external asset, once
//     retained, are pinned (invariant 9);
//   - a row goes before the bytes that it names: Collect looks for references in the writer's transaction (invariant 2).
//
// There is one writer. It commits what has queued up in one transaction, each write under a savepoint of its own, so
// that many publishers share one fsync and the failure of one does not hurt the others. Reads run beside it on
// connections of their own and never wait for it.
//
// The text of the statements is the one that PostgreSQL takes too ($1 in order of appearance, ON CONFLICT, RETURNING);
// what differs is the data definition in migrations.
package index
