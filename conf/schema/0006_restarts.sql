-- How often the container of a session was made anew.  `failure` of a session
-- that is not over tells why it was the last time.

ALTER TABLE sessions
    ADD COLUMN restart_count INT UNSIGNED NOT NULL DEFAULT 0 AFTER failure;
