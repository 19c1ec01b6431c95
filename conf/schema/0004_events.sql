-- The shape of an output: where its records, which are streamed while it is
-- written, begin and end in stdout and stderr.  NULL: it is not known.

ALTER TABLE executions
    ADD COLUMN events MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NULL
        AFTER stderr_truncated;
