-- The latest windows of each length are kept, because a wrong clock counts in another window and must not replace the true one.
ALTER TABLE quota RENAME TO quota_5;
CREATE TABLE quota (
  id INTEGER PRIMARY KEY, provider TEXT, window TEXT, started REAL, used REAL, UNIQUE (provider, window, started)
);
INSERT INTO quota (provider, window, started, used) SELECT provider, window, started, used FROM quota_5;
DROP TABLE quota_5;
