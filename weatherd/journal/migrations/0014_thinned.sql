-- "until" is the time, in POSIX seconds, before which one entry an hour of each series was kept: see old_rows.py.
CREATE TABLE thinned (until INTEGER NOT NULL);
INSERT INTO thinned VALUES (-9223372036854775808)
