-- The first schema. Times are microseconds since 1970 in UTC, NULL where unknown. Digests are the 32 bytes of a SHA-256.
-- On PostgreSQL the same tables have BIGINT identities and BYTEA, text collates as "C", and STRICT and WITHOUT ROWID go.

-- A domain's repositories. Rows stay when a repository is no longer declared, so that its number is never used again.
CREATE TABLE repositories (
  id     INTEGER PRIMARY KEY,
  domain TEXT NOT NULL,
  name   TEXT NOT NULL,
  UNIQUE (domain, name)
) STRICT;

-- What a repository knows of a package. What all repositories know of a package stands together in the index, so that a
-- look-up along a walk reads one place of it, however many repositories it has.
CREATE TABLE packages (
  id         INTEGER PRIMARY KEY,
  repository INTEGER NOT NULL REFERENCES repositories (id),
  format     TEXT NOT NULL,
  namespace  TEXT NOT NULL,
  name       TEXT NOT NULL,
  revision   INTEGER NOT NULL, -- from the table revision at the last edit; 0: never edited, only retained
  publish    TEXT NOT NULL,    -- origin controls: ALLOW, BLOCK or empty
  upstream   TEXT NOT NULL,
  tags       TEXT,             -- JSON object, tag to version
  meta       BLOB,             -- the package's own part of the index document
  UNIQUE (format, namespace, name, repository)
) STRICT;

-- To list a repository's packages in order.
CREATE INDEX packages_repository ON packages (repository, format, namespace, name);

-- One row: the last revision given out. Counted over all packages, so that a package that was forgotten and came back
-- never has a revision again that something in memory may still stand under.
CREATE TABLE revision (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  last INTEGER NOT NULL
) STRICT;
INSERT INTO revision (id, last) VALUES (1, 0);

-- A version that a repository holds, in the order of id. One origin for the whole version: a connection, or, where that
-- is empty, the repository that it was published into. meta is last because it is long, and most look-ups leave it out.
CREATE TABLE versions (
  id         INTEGER PRIMARY KEY,
  package    INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
  version    TEXT NOT NULL,
  status     TEXT NOT NULL,
  connection TEXT NOT NULL,
  publisher  TEXT NOT NULL,
  published  INTEGER,
  revision   TEXT NOT NULL,
  meta       BLOB,
  UNIQUE (package, version)
) STRICT;

-- Whether a package has a version of our own decides whether registries are asked at all.
CREATE INDEX versions_internal ON versions (package) WHERE connection = '';

CREATE TABLE assets (
  version INTEGER NOT NULL REFERENCES versions (id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  digest  BLOB NOT NULL CHECK (length(digest) = 32),
  size    INTEGER NOT NULL,
  evicted INTEGER NOT NULL, -- 1: the bytes were given up, and the connection can give them again
  sums    TEXT NOT NULL,    -- ALGORITHM:HEX, separated by spaces
  PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX assets_digest ON assets (digest);

-- The bytes that an external asset had when it was first retained (invariant 9). Pins outlive the versions.
CREATE TABLE pins (
  connection TEXT NOT NULL,
  format     TEXT NOT NULL,
  namespace  TEXT NOT NULL,
  name       TEXT NOT NULL,
  version    TEXT NOT NULL,
  asset      TEXT NOT NULL,
  digest     BLOB NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (connection, format, namespace, name, version, asset)
) STRICT, WITHOUT ROWID;

-- When a version was last served. Apart from versions, so that noting it does not rewrite a version's meta.
CREATE TABLE uses (
  version INTEGER PRIMARY KEY REFERENCES versions (id) ON DELETE CASCADE,
  at      INTEGER NOT NULL
) STRICT;
