-- Observations get a table of their own. first_version.py then moves those in last_1 to it and drops last_1.
ALTER TABLE last RENAME TO last_1;
CREATE TABLE observation (
  seq INTEGER PRIMARY KEY,
  city TEXT NOT NULL, provider TEXT NOT NULL, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,
  temperature REAL NOT NULL, description TEXT NOT NULL, code INTEGER, station TEXT NOT NULL,
  apparent_temperature REAL, relative_humidity REAL, pressure_msl REAL, wind_speed REAL, wind_direction REAL,
  wind_gust REAL, precipitation REAL, cloud_cover REAL, visibility REAL,
  UNIQUE (city, observed_at, provider, station)
);
CREATE TABLE last (
  city TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL, provider TEXT NOT NULL, station TEXT NOT NULL,
  observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE cursor (
  forwarder TEXT PRIMARY KEY, seq INTEGER NOT NULL, ahead INTEGER NOT NULL, key TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE aside (
  forwarder TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (forwarder, seq)
) WITHOUT ROWID;
