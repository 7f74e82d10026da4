-- Registries' documents, and what was rendered from them.

CREATE TABLE documents (
  domain        TEXT NOT NULL,
  connection    TEXT NOT NULL,
  scope         TEXT NOT NULL,
  path          TEXT NOT NULL,
  accept        TEXT NOT NULL,
  status        INTEGER NOT NULL,
  digest        BLOB CHECK (length(digest) = 32), -- NULL: confirmed absent
  size          INTEGER NOT NULL,
  url           TEXT NOT NULL,
  content_type  TEXT NOT NULL,
  etag          TEXT NOT NULL,
  last_modified TEXT NOT NULL,
  fetched       INTEGER,
  checked       INTEGER,
  PRIMARY KEY (domain, connection, scope, path, accept)
) STRICT, WITHOUT ROWID;

CREATE INDEX documents_digest ON documents (digest) WHERE digest IS NOT NULL;
CREATE INDEX documents_absent ON documents (checked) WHERE digest IS NULL; -- absences are kept for a time only

CREATE TABLE renderings (
  id        BLOB PRIMARY KEY CHECK (length(id) = 32), -- digest of all that it was made from
  digest    BLOB NOT NULL CHECK (length(digest) = 32),
  size      INTEGER NOT NULL,
  gzip      BLOB CHECK (length(gzip) = 32),
  gzip_size INTEGER NOT NULL,
  modified  INTEGER,
  created   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX renderings_digest ON renderings (digest);
CREATE INDEX renderings_gzip ON renderings (gzip) WHERE gzip IS NOT NULL;
CREATE INDEX renderings_created ON renderings (created);

-- Where each connection was last found to lead.
CREATE TABLE addresses (
  connection TEXT PRIMARY KEY,
  url        TEXT NOT NULL,
  source     TEXT NOT NULL,
  at         INTEGER
) STRICT, WITHOUT ROWID;
