-- "origin" of an entry is NULL if it was polled, 1 for what was requested from the service afterwards, 2 for what was read
-- from a file, and 3 for what another daemon had polled. "quality_id" is NULL if no test of its values failed. Entries of observation_6 are of neither kind;
-- that table is created because it is missing in most files, and dropped again: see old_entries.py.
ALTER TABLE entry ADD COLUMN origin INTEGER;
ALTER TABLE entry ADD COLUMN quality_id INTEGER;
CREATE TABLE quality (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS observation_6 (
  seq INTEGER PRIMARY KEY,
  city TEXT NOT NULL, provider TEXT NOT NULL, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,
  temperature REAL NOT NULL, description TEXT NOT NULL, code INTEGER, station TEXT NOT NULL,
  apparent_temperature REAL, relative_humidity REAL, pressure_msl REAL, wind_speed REAL, wind_direction REAL,
  wind_gust REAL, precipitation REAL, cloud_cover REAL, visibility REAL,
  UNIQUE (observed_at, city, provider, station)
);
DROP VIEW observation;
DROP VIEW compact;
CREATE VIEW compact AS
SELECT seq, city, provider, observed_at, fetched_at, temperature, description, code, station, apparent_temperature,
  relative_humidity, pressure_msl, wind_speed, wind_direction, wind_gust, precipitation, cloud_cover, visibility,
  CASE origin WHEN 1 THEN 'backfill' WHEN 2 THEN 'import' ELSE 'live' END AS origin,
  coalesce((SELECT text FROM quality WHERE id = quality_id), 'ok') AS quality
FROM entry CROSS JOIN series ON series.id = series_id CROSS JOIN description ON description.id = description_id;
CREATE VIEW observation AS SELECT * FROM compact UNION ALL SELECT *, 'live', 'ok' FROM observation_6
