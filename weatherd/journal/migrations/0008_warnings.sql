-- Official warnings: the messages, those in force at each place, the places that were looked up, and the changes.
-- Times are POSIX microseconds. The numbers of changes are never used again, because forwarders will have cursors in them.
CREATE TABLE warning (
  id INTEGER PRIMARY KEY, provider TEXT, event_key TEXT, message_id TEXT, event TEXT, series TEXT, severity INTEGER,
  urgency TEXT, certainty TEXT, sent INTEGER, onset INTEGER, ends INTEGER, headline TEXT, description TEXT,
  instruction TEXT, area TEXT, url TEXT, language TEXT, UNIQUE (provider, event_key, message_id)
);
CREATE TABLE warning_place (
  city TEXT, provider TEXT, lat REAL, lon REAL, PRIMARY KEY (city, provider)
) WITHOUT ROWID;
CREATE TABLE warning_in_force (
  city TEXT, provider TEXT, warning INTEGER, since INTEGER, PRIMARY KEY (city, provider, warning)
) WITHOUT ROWID;
CREATE TABLE warning_change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, city TEXT, kind TEXT, reason TEXT, warning INTEGER
);
