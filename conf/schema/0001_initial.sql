-- The tables of the design's section 4.  Times are UTC with milliseconds; ids
-- are ASCII and compared byte by byte; what is filtered or sorted by is a
-- typed column with an index, everything else is JSON.
-- What clients may nest is LONGTEXT: we have checked it, and MariaDB's own check
-- of JSON refuses more than 32 levels.
--
-- Every change of state is one conditional UPDATE that also raises `epoch`.

CREATE TABLE nodes (
    id              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    address         VARCHAR(255) CHARACTER SET ascii NOT NULL DEFAULT '',
    runtime_type    ENUM('docker', 'kubernetes') NOT NULL,
    status          ENUM('online', 'draining', 'maintenance', 'offline')
                    NOT NULL DEFAULT 'online',
    capacity        JSON NOT NULL DEFAULT '{}',
    version         VARCHAR(32) CHARACTER SET ascii NOT NULL DEFAULT '',
    epoch           BIGINT UNSIGNED NOT NULL DEFAULT 1,
    heartbeat_at    DATETIME(3) NULL,
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE templates (
    id                        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
                              NOT NULL,
    name                      VARCHAR(128) NOT NULL,
    description               TEXT NOT NULL DEFAULT '',
    image_url                 VARCHAR(255) CHARACTER SET ascii NOT NULL,
    runtime_type              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin
                              NOT NULL,
    default_cpu_milli         INT UNSIGNED NOT NULL,
    default_memory_mb         INT UNSIGNED NOT NULL,
    default_disk_mb           INT UNSIGNED NOT NULL,
    default_timeout_sec       INT UNSIGNED NOT NULL,
    default_env_vars          JSON NOT NULL DEFAULT '{}',
    pre_installed_packages    JSON NOT NULL DEFAULT '[]',
    security_context          LONGTEXT NOT NULL DEFAULT '{}',
    warm_pool                 JSON NOT NULL
                              DEFAULT '{"min":0,"target":0,"max":0,"max_idle":0}',
    prestart                  JSON NOT NULL DEFAULT '{"python":0,"javascript":0}',
    max_concurrent_executions INT UNSIGNED NOT NULL DEFAULT 4,
    is_active                 BOOLEAN NOT NULL DEFAULT TRUE,
    created_at                DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at                DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY name (name),
    KEY created (created_at, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- template_id has no foreign key: the record of an ended session outlives its
-- template.  A template with active sessions is kept by its DELETE's WHERE.

CREATE TABLE sessions (
    id                  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
                        NOT NULL,
    template_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
                        NOT NULL,
    status              ENUM('creating', 'running', 'completed', 'failed',
                             'timeout', 'terminated') NOT NULL,
    epoch               BIGINT UNSIGNED NOT NULL DEFAULT 1,
    mode                ENUM('ephemeral', 'persistent') NOT NULL
                        DEFAULT 'ephemeral',
    agent_id            VARCHAR(128) NULL,
    language_runtime    VARCHAR(32) CHARACTER SET ascii NOT NULL,
    runtime_backend     ENUM('docker', 'kubernetes') NOT NULL,
    runtime_node        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    container_id        VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NULL,
    image_url           VARCHAR(255) CHARACTER SET ascii NOT NULL,
    cpu_milli           INT UNSIGNED NOT NULL,
    memory_mb           INT UNSIGNED NOT NULL,
    disk_mb             INT UNSIGNED NOT NULL,
    max_processes       INT UNSIGNED NOT NULL,
    timeout_sec         INT UNSIGNED NOT NULL,
    env_vars            JSON NOT NULL DEFAULT '{}',
    event               LONGTEXT NULL,
    metadata            JSON NOT NULL DEFAULT '{}',
    workspace_path      VARCHAR(255) CHARACTER SET ascii NOT NULL,
    start_kind          ENUM('warm', 'affinity', 'cold') NOT NULL DEFAULT 'cold',
    start_deadline_at   DATETIME(3) NOT NULL,
    failure             JSON NULL,
    created_at          DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at          DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    started_at          DATETIME(3) NULL,
    completed_at        DATETIME(3) NULL,
    last_activity_at    DATETIME(3) NULL,
    expires_at          DATETIME(3) NULL,
    deleted_at          DATETIME(3) NULL,
    -- 0 while listed: one index serves each list, newest first
    hidden              BOOLEAN AS (deleted_at IS NOT NULL) PERSISTENT,
    PRIMARY KEY (id),
    KEY listed (hidden, created_at, id),
    KEY listed_status (hidden, status, created_at, id),
    KEY listed_template (hidden, template_id, created_at, id),
    KEY listed_both (hidden, status, template_id, created_at, id),
    KEY active_template (template_id, status),
    KEY unfinished (status, start_deadline_at),
    KEY expiring (status, expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE session_metadata (
    session_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    k           VARCHAR(64) NOT NULL,
    v           VARCHAR(256) NOT NULL,
    PRIMARY KEY (session_id, k),
    KEY pair (k, v, session_id),
    FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The name is derived from session and epoch, so a worker that was killed
-- between the row and the container leaves nothing that cannot be found.

CREATE TABLE containers (
    id              VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    session_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    template_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    node_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    runtime_type    ENUM('docker', 'kubernetes') NOT NULL,
    runtime_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    image           VARCHAR(255) CHARACTER SET ascii NOT NULL,
    status          ENUM('creating', 'idle', 'running', 'exited', 'removed')
                    NOT NULL,
    epoch           BIGINT UNSIGNED NOT NULL DEFAULT 1,
    exit_code       INT NULL,
    oom_killed      BOOLEAN NULL,
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    started_at      DATETIME(3) NULL,
    exited_at       DATETIME(3) NULL,
    -- one live container a session, and one session a container
    live_session    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin AS
                    (IF(status IN ('creating', 'idle', 'running'),
                        session_id, NULL)) PERSISTENT,
    PRIMARY KEY (id),
    UNIQUE KEY runtime_id (runtime_id),
    UNIQUE KEY live_session (live_session),
    KEY session (session_id),
    KEY listed (created_at, id),
    KEY listed_status (status, created_at, id),
    KEY node (node_id, status),
    CONSTRAINT containers_session FOREIGN KEY (session_id)
        REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE executions (
    id                  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
                        NOT NULL,
    session_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
                        NOT NULL,
    status              ENUM('pending', 'running', 'completed', 'failed',
                             'timeout', 'crashed', 'cancelled') NOT NULL,
    epoch               BIGINT UNSIGNED NOT NULL DEFAULT 1,
    language            ENUM('python', 'javascript', 'shell') NOT NULL,
    code                MEDIUMTEXT NOT NULL,
    timeout_sec         INT UNSIGNED NOT NULL,
    event               LONGTEXT NULL,
    env_vars            JSON NOT NULL DEFAULT '{}',
    stdin               MEDIUMTEXT NULL,
    working_directory   VARCHAR(255) NULL,
    exit_code           INT NULL,
    error_message       TEXT NULL,
    stdout              MEDIUMTEXT NOT NULL DEFAULT '',
    stderr              MEDIUMTEXT NOT NULL DEFAULT '',
    stdout_truncated    BOOLEAN NOT NULL DEFAULT FALSE,
    stderr_truncated    BOOLEAN NOT NULL DEFAULT FALSE,
    return_value        LONGTEXT NULL,
    duration_ms         DOUBLE NULL,
    metrics             JSON NULL,
    retry_count         INT UNSIGNED NOT NULL DEFAULT 0,
    deadline_at         DATETIME(3) NOT NULL,
    created_at          DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    started_at          DATETIME(3) NULL,
    completed_at        DATETIME(3) NULL,
    PRIMARY KEY (id),
    KEY listed (session_id, created_at, id),
    KEY listed_status (session_id, status, created_at, id),
    KEY unfinished (status, deadline_at),
    CONSTRAINT executions_session FOREIGN KEY (session_id)
        REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE artifacts (
    execution_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    path            VARCHAR(512) NOT NULL,
    size            BIGINT UNSIGNED NOT NULL,
    mime_type       VARCHAR(128) CHARACTER SET ascii NOT NULL,
    type            VARCHAR(32) CHARACTER SET ascii NOT NULL,
    checksum        CHAR(64) CHARACTER SET ascii NOT NULL,
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (execution_id, path),
    CONSTRAINT artifacts_execution FOREIGN KEY (execution_id)
        REFERENCES executions (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE idempotency_keys (
    scope           VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    idempotency_key VARCHAR(255) NOT NULL,
    request_hash    BINARY(32) NOT NULL,
    resource_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    status          SMALLINT UNSIGNED NULL,
    answer          LONGTEXT NULL,
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    expires_at      DATETIME(3) NOT NULL,
    PRIMARY KEY (scope, idempotency_key),
    KEY expiring (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE api_keys (
    id              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name            VARCHAR(128) NOT NULL,
    key_hash        BINARY(32) NOT NULL,
    scopes          JSON NOT NULL DEFAULT '[]',
    created_at      DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    expires_at      DATETIME(3) NULL,
    revoked_at      DATETIME(3) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY key_hash (key_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT INTO templates (id, name, description, image_url, runtime_type,
                       default_cpu_milli, default_memory_mb, default_disk_mb,
                       default_timeout_sec)
VALUES
    ('python-basic', 'Python', 'Python 3 with its standard library',
     'sandbox-template-python-basic:latest', 'python3.11', 1000, 256, 256, 300),
    ('python-datascience', 'Python for data science',
     'Python 3 with numpy, pandas, matplotlib and scipy',
     'sandbox-template-python-datascience:latest', 'python3.11',
     1000, 1024, 1024, 300),
    ('nodejs-basic', 'Node.js', 'Node.js with its standard library',
     'sandbox-template-nodejs-basic:latest', 'nodejs20', 1000, 512, 256, 300);
