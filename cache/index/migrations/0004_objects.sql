-- What was made through the API and is not in the configuration: domains, repositories, package groups, policies, tags,
-- access keys. There are some thousands at most; they are read whole when a configuration comes into force.
CREATE TABLE objects (
  kind    TEXT NOT NULL,
  domain  TEXT NOT NULL,
  name    TEXT NOT NULL,
  created INTEGER,
  body    TEXT NOT NULL, -- JSON, by kind
  PRIMARY KEY (kind, domain, name)
) STRICT, WITHOUT ROWID;

-- When a repository came to be; NULL: before this was noted. A name that starts with a space is that of a repository
-- that was deleted: the number is not used again, and its packages are on their way out.
ALTER TABLE repositories ADD COLUMN created INTEGER;
