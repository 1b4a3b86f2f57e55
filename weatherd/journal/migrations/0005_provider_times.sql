-- The rows "pace" and "closed" of the table quota were no windows: they held a time in the column "started".
CREATE TABLE provider_times (
  provider TEXT PRIMARY KEY, bucket_full_at REAL NOT NULL, closed_until REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO provider_times
SELECT provider, coalesce(max(iif(window = 'pace', started, NULL)), 0.0), coalesce(max(iif(window = 'closed', started, NULL)), 0.0)
FROM quota WHERE window IN ('pace', 'closed') AND typeof(started) = 'real' GROUP BY provider;
DELETE FROM quota WHERE window IN ('pace', 'closed');
