-- The index begins with the time of observation: new entries are then neighbours in it, and a transaction changes a few
-- of its pages instead of one for each row. last gets the number of the entry up to which it is known to be the latest.
ALTER TABLE observation RENAME TO observation_2;
ALTER TABLE last RENAME TO last_2;
CREATE TABLE observation (
  seq INTEGER PRIMARY KEY,
  city TEXT NOT NULL, provider TEXT NOT NULL, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,
  temperature REAL NOT NULL, description TEXT NOT NULL, code INTEGER, station TEXT NOT NULL,
  apparent_temperature REAL, relative_humidity REAL, pressure_msl REAL, wind_speed REAL, wind_direction REAL,
  wind_gust REAL, precipitation REAL, cloud_cover REAL, visibility REAL,
  UNIQUE (observed_at, city, provider, station)
);
CREATE TABLE last (
  city TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL, provider TEXT NOT NULL, station TEXT NOT NULL,
  observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL, seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE gathered (seq INTEGER NOT NULL);
INSERT INTO gathered SELECT coalesce(max(seq), 0) FROM observation_2;
-- Version 2 wrote last only now and then, so a newer observation of the city takes precedence over the row in last.
INSERT INTO last
SELECT l.city, l.lat, l.lon, o.provider, o.station, o.observed_at,
  iif(o.observed_at > l.observed_at, o.fetched_at, l.fetched_at), g.seq
FROM gathered AS g CROSS JOIN last_2 AS l JOIN observation_2 AS o ON o.seq = coalesce(
  (SELECT n.seq FROM observation_2 AS n
   WHERE n.city = l.city AND n.observed_at > l.observed_at AND n.fetched_at > l.fetched_at
   ORDER BY n.observed_at DESC LIMIT 1),
  (SELECT p.seq FROM observation_2 AS p
   WHERE p.city = l.city AND p.observed_at = l.observed_at AND p.provider = l.provider AND p.station = l.station));
INSERT INTO observation SELECT * FROM observation_2 ORDER BY seq;
DROP TABLE observation_2;
DROP TABLE last_2;
