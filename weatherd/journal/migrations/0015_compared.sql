-- Observations of the services that are polled for comparison only: see compared_table.py. Times are POSIX seconds.
CREATE TABLE compared (
  observed_at INTEGER NOT NULL,
  city TEXT NOT NULL,
  provider TEXT NOT NULL,
  temperature REAL NOT NULL,
  relative_humidity REAL,
  pressure_msl REAL,
  wind_speed REAL,
  wind_gust REAL,
  precipitation REAL,
  cloud_cover REAL,
  quality TEXT NOT NULL,
  PRIMARY KEY (observed_at, city, provider)
) WITHOUT ROWID
