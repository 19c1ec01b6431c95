-- Packages that are installed for a session.  Each install has its number,
-- dependency_epoch, so that the report of an older one is told from its own;
-- dependency_due_at is when nobody waits for it any more.
--
-- requested_ is what was asked for last, together with what had been before;
-- kept_ what was asked for by the installs that succeeded; installed_ what is
-- there, and what a new container of the session gets again.

ALTER TABLE sessions
    ADD COLUMN requested_dependencies JSON NOT NULL DEFAULT '[]'
        AFTER metadata,
    ADD COLUMN kept_dependencies JSON NOT NULL DEFAULT '[]'
        AFTER requested_dependencies,
    ADD COLUMN installed_dependencies LONGTEXT NOT NULL DEFAULT '[]'
        AFTER kept_dependencies,
    ADD COLUMN dependency_status ENUM('completed', 'installing', 'failed')
        NOT NULL DEFAULT 'completed' AFTER installed_dependencies,
    ADD COLUMN dependency_error TEXT NULL AFTER dependency_status,
    ADD COLUMN dependency_epoch INT UNSIGNED NOT NULL DEFAULT 0
        AFTER dependency_error,
    ADD COLUMN dependency_started_at DATETIME(3) NULL AFTER dependency_epoch,
    ADD COLUMN dependency_completed_at DATETIME(3) NULL
        AFTER dependency_started_at,
    ADD COLUMN dependency_due_at DATETIME(3) NULL
        AFTER dependency_completed_at,
    ADD COLUMN python_package_index_url VARCHAR(512) NOT NULL DEFAULT ''
        AFTER dependency_due_at,
    ADD COLUMN install_timeout_sec INT UNSIGNED NOT NULL DEFAULT 300
        AFTER python_package_index_url,
    ADD COLUMN fail_on_dependency_error BOOLEAN NOT NULL DEFAULT FALSE
        AFTER install_timeout_sec,
    ADD COLUMN allow_version_conflicts BOOLEAN NOT NULL DEFAULT FALSE
        AFTER fail_on_dependency_error,
    ADD KEY installs_due (dependency_status, dependency_due_at);
