-- Days: one row for each city and local calendar day, kept for ever. "date" counts days since 1970-01-01, times are POSIX
-- microseconds. Days of a city that end by "stored_until" are in the table "day", later ones are computed from its
-- observations. Those before "raw_since" may have been deleted. The key begins with the date: rows that are written
-- together are neighbours.
CREATE TABLE day_city (
  id INTEGER PRIMARY KEY, city TEXT NOT NULL UNIQUE, zone TEXT NOT NULL, stored_until INTEGER NOT NULL
);
CREATE TABLE day (
  date INTEGER NOT NULL, city_id INTEGER NOT NULL, low REAL, low_at INTEGER, high REAL, high_at INTEGER, mean REAL,
  hours REAL NOT NULL, rain REAL, gust REAL, observations INTEGER NOT NULL, first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL, providers TEXT NOT NULL, PRIMARY KEY (date, city_id)
) WITHOUT ROWID;
CREATE TABLE day_state (stored_until INTEGER NOT NULL, raw_since INTEGER NOT NULL);
INSERT INTO day_state VALUES (-9223372036854775808, -9223372036854775808)
