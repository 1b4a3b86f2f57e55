-- Alerts: each change of the state of a rule for a city, and the states that are not inactive.
-- Times are POSIX microseconds. The numbers of changes are never used again, because forwarders have cursors in them.
-- "event" is NULL for a change that nobody is notified of. "notify" is a JSON array of names.
CREATE TABLE alert_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, city TEXT NOT NULL, rule TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, event TEXT, since INTEGER NOT NULL, severity TEXT NOT NULL,
  message TEXT NOT NULL, notify TEXT NOT NULL
);
CREATE TABLE alert_state (
  rule TEXT NOT NULL, city TEXT NOT NULL, phase TEXT NOT NULL, since INTEGER NOT NULL, notified_at INTEGER NOT NULL,
  condition TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, notify TEXT NOT NULL,
  PRIMARY KEY (rule, city)
) WITHOUT ROWID;
