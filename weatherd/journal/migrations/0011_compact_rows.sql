-- An entry takes two thirds of the space: see entry_columns.py. "mark" is NULL if it was polled and no test of its values
-- failed. Otherwise its last two bits are 1 for what was requested from the service afterwards, 2 for what was read from a
-- file, 3 for what another daemon had polled, and the others are the number of the judgement in the table quality.
-- The entries of entry_10, and of observation_6 in a file that still has that table, are moved to the new table later,
-- step by step: see old_entries.py, which also makes the view observation.
-- "until" is the time in POSIX seconds to which only one entry an hour was kept.
DROP VIEW observation;
DROP VIEW compact;
ALTER TABLE entry RENAME TO entry_10;
CREATE TABLE quality (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL,
  observed_at INTEGER NOT NULL, observed_micros INTEGER NOT NULL, fetched_after INTEGER NOT NULL, mark INTEGER,
  temperature NOT NULL, description_id INTEGER NOT NULL, code INTEGER,
  apparent_temperature, relative_humidity REAL, pressure_msl, wind_speed, wind_direction REAL,
  wind_gust, precipitation, cloud_cover REAL, visibility REAL,
  UNIQUE (observed_at, series_id, observed_micros)
);
CREATE VIEW compact AS
SELECT seq, city, provider,
  observed_at * 1000000 + observed_micros AS observed_at,
  observed_at * 1000000 + observed_micros + fetched_after AS fetched_at,
  iif(typeof(temperature) = 'integer', temperature / 10.0, temperature) AS temperature,
  description, code, station,
  iif(typeof(apparent_temperature) = 'integer', apparent_temperature / 10.0, apparent_temperature)
    AS apparent_temperature,
  relative_humidity,
  iif(typeof(pressure_msl) = 'integer', pressure_msl / 10.0, pressure_msl) AS pressure_msl,
  iif(typeof(wind_speed) = 'integer', wind_speed / 100.0, wind_speed) AS wind_speed,
  wind_direction,
  iif(typeof(wind_gust) = 'integer', wind_gust / 100.0, wind_gust) AS wind_gust,
  iif(typeof(precipitation) = 'integer', precipitation / 100.0, precipitation) AS precipitation,
  cloud_cover, visibility,
  CASE mark & 3 WHEN 1 THEN 'backfill' WHEN 2 THEN 'import' ELSE 'live' END AS origin,
  iif(mark > 3, (SELECT text FROM quality WHERE id = mark >> 2), 'ok') AS quality
FROM entry CROSS JOIN series ON series.id = series_id CROSS JOIN description ON description.id = description_id
