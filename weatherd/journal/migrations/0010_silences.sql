-- Silences of alerts: NULL in "rule" or "city" stands for any, "tags" is a JSON array of pairs. Times are POSIX
-- microseconds. "silenced" of a change is 'held' for a resolution that is sent when the silence ends, 'dropped' for
-- what is never sent, and NULL otherwise. "told" is 0 for an alert that nobody was told of, because it was silenced.
CREATE TABLE silence (
  id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT, city TEXT, tags TEXT NOT NULL,
  begins INTEGER NOT NULL, ends INTEGER NOT NULL, comment TEXT NOT NULL
);
ALTER TABLE alert_event ADD COLUMN silenced TEXT;
CREATE INDEX held_alert_event ON alert_event (seq) WHERE silenced = 'held';
ALTER TABLE alert_state ADD COLUMN told INTEGER NOT NULL DEFAULT 1;
-- The entry with which a city that has moved begins at its present place: those with lower numbers are of other places
CREATE TABLE moved (city TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID
