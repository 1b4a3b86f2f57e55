-- A cursor is idle, or in doubt about the batch that ends with entry in_doubt_last: it may have been delivered.
-- Version 3 expressed the latter by ahead > seq.
ALTER TABLE cursor RENAME TO cursor_3;
CREATE TABLE cursor (
  forwarder TEXT PRIMARY KEY, delivered INTEGER NOT NULL, in_doubt_last INTEGER, in_doubt_key TEXT,
  CHECK ((in_doubt_last IS NULL) = (in_doubt_key IS NULL))
) WITHOUT ROWID;
INSERT INTO cursor
SELECT forwarder, seq, CASE WHEN ahead > seq THEN ahead END, CASE WHEN ahead > seq THEN key END FROM cursor_3;
DROP TABLE cursor_3;
ALTER TABLE aside RENAME TO skipped;
