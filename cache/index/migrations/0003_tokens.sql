-- Issued tokens: never the token, only the SHA-256 of it.
CREATE TABLE tokens (
  id        TEXT PRIMARY KEY,
  hash      BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  prefix    TEXT NOT NULL,
  principal TEXT NOT NULL,
  domain    TEXT NOT NULL,
  note      TEXT NOT NULL,
  read_only INTEGER NOT NULL,
  cidr      TEXT NOT NULL, -- separated by spaces
  created   INTEGER,
  expires   INTEGER,
  used      INTEGER
) STRICT;

CREATE INDEX tokens_principal ON tokens (principal, created, id);
