-- An execution may be attempted again when its sandbox or the way to it was
-- lost: attempt n has retry_count n - 1, and only its own result is taken.
-- due_at is when somebody has to look after it: while it is attempted a lease
-- that its executor's heartbeats extend, in between the time of the next
-- attempt.

ALTER TABLE executions
    CHANGE deadline_at due_at DATETIME(3) NOT NULL,
    ADD COLUMN max_retries INT UNSIGNED NOT NULL DEFAULT 3 AFTER retry_count,
    ADD COLUMN cancel_requested BOOLEAN NOT NULL DEFAULT FALSE
        AFTER max_retries;

ALTER TABLE idempotency_keys
    MODIFY idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin
        NOT NULL;
