CREATE TABLE last (city TEXT PRIMARY KEY, lat REAL, lon REAL, fetched REAL, observation TEXT) WITHOUT ROWID;
CREATE TABLE quota (provider TEXT, window TEXT, started REAL, used REAL, PRIMARY KEY (provider, window)) WITHOUT ROWID;
CREATE TABLE note (provider TEXT, key TEXT, text TEXT, until REAL, PRIMARY KEY (provider, key)) WITHOUT ROWID;
