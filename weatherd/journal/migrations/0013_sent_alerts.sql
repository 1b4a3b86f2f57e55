-- When a message that an alert fires was delivered last, in POSIX microseconds, or NULL
ALTER TABLE alert_state ADD COLUMN sent_at INTEGER
