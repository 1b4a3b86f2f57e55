-- An entry has the number of its series (city, provider, station) and of its description instead of the texts, and
-- takes two thirds of the space. The view observation has the columns that the table of that name had. The entries of
-- observation_6 are moved to the new table later, step by step: see old_entries.py.
ALTER TABLE observation RENAME TO observation_6;
ALTER TABLE last RENAME TO last_6;
CREATE TABLE series (
  id INTEGER PRIMARY KEY, city TEXT NOT NULL, provider TEXT NOT NULL, station TEXT NOT NULL,
  UNIQUE (city, provider, station)
);
CREATE TABLE description (id INTEGER PRIMARY KEY, description TEXT NOT NULL UNIQUE);
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,
  temperature REAL NOT NULL, description_id INTEGER NOT NULL, code INTEGER,
  apparent_temperature REAL, relative_humidity REAL, pressure_msl REAL, wind_speed REAL, wind_direction REAL,
  wind_gust REAL, precipitation REAL, cloud_cover REAL, visibility REAL,
  UNIQUE (observed_at, series_id)
);
CREATE TABLE last (
  city TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL, series_id INTEGER NOT NULL,
  observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL, seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE VIEW compact AS
SELECT seq, city, provider, observed_at, fetched_at, temperature, description, code, station, apparent_temperature,
  relative_humidity, pressure_msl, wind_speed, wind_direction, wind_gust, precipitation, cloud_cover, visibility
FROM entry CROSS JOIN series ON series.id = series_id CROSS JOIN description ON description.id = description_id;
CREATE VIEW observation AS SELECT * FROM compact UNION ALL SELECT * FROM observation_6;
-- Each city's latest entry is moved at once. Version 6 wrote last only now and then, so a newer entry of the city takes
-- precedence over the row in last.
INSERT OR REPLACE INTO last_6
SELECT l.city, l.lat, l.lon, o.provider, o.station, o.observed_at, o.fetched_at, o.seq
FROM (
  SELECT city, provider, station, observed_at, fetched_at, max(seq) AS seq FROM observation_6
  WHERE seq > (SELECT seq FROM gathered) GROUP BY city
) AS o CROSS JOIN last_6 AS l ON l.city = o.city AND l.seq < o.seq;
UPDATE gathered SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM observation_6));
INSERT INTO series (city, provider, station) SELECT city, provider, station FROM last_6;
INSERT OR IGNORE INTO description (description)
SELECT o.description FROM last_6 AS l CROSS JOIN observation_6 AS o
ON o.observed_at = l.observed_at AND o.city = l.city AND o.provider = l.provider AND o.station = l.station;
INSERT INTO entry
SELECT o.seq, s.id, o.observed_at, o.fetched_at, o.temperature, d.id, o.code,
  o.apparent_temperature, o.relative_humidity, o.pressure_msl, o.wind_speed, o.wind_direction, o.wind_gust,
  o.precipitation, o.cloud_cover, o.visibility
FROM last_6 AS l CROSS JOIN observation_6 AS o
ON o.observed_at = l.observed_at AND o.city = l.city AND o.provider = l.provider AND o.station = l.station
CROSS JOIN series AS s ON s.city = o.city AND s.provider = o.provider AND s.station = o.station
CROSS JOIN description AS d ON d.description = o.description ORDER BY o.seq;
DELETE FROM observation_6 WHERE seq IN (SELECT seq FROM entry);
INSERT INTO last
SELECT l.city, l.lat, l.lon, s.id, l.observed_at, l.fetched_at, l.seq
FROM last_6 AS l CROSS JOIN series AS s ON s.city = l.city AND s.provider = l.provider AND s.station = l.station;
DROP TABLE last_6;
