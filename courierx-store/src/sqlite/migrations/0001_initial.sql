-- Times are microseconds since 1970, identifiers the sixteen bytes of a UUID, lanes 0 (critical) to 2 (bulk).
--
-- What every message writes is appended: rows by an integer that grows, indexes by something that grows with
-- time. A look-up by tenant goes through (integer >> 12, tenant): within the newest 4096 rows the tenants
-- stand side by side, so that a commit for many tenants dirties a few pages and not one for each tenant.

-- The name of the key beside the database; no row if it never had one.
CREATE TABLE courierx_key (
    id INTEGER NOT NULL
) STRICT;

CREATE TABLE courierx_messages (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL,
    tenant      BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    send_at     INTEGER NOT NULL,
    deliver_by  INTEGER,
    sender      TEXT    NOT NULL,
    lane        INTEGER NOT NULL,
    mode        TEXT    NOT NULL,
    retry       TEXT    NOT NULL,
    duplicates  TEXT    NOT NULL,
    tags        TEXT,
    status      TEXT    NOT NULL,
    has_content INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX courierx_messages_id ON courierx_messages (id, tenant);
CREATE INDEX courierx_messages_tenant ON courierx_messages (seq >> 12, tenant);
-- What purging looks for. New messages have content, so they are appended at the end of the index.
CREATE INDEX courierx_messages_age ON courierx_messages (has_content, created_at);

CREATE TABLE courierx_contents (
    message INTEGER PRIMARY KEY,
    sealed  BLOB NOT NULL
) STRICT;

CREATE TABLE courierx_recipients (
    message     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    field       TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    disposition TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE courierx_attempts (
    seq                 INTEGER PRIMARY KEY,
    id                  BLOB    NOT NULL,
    tenant              BLOB    NOT NULL,
    message             INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    connection          TEXT    NOT NULL,
    provider            TEXT    NOT NULL,
    delivery            BLOB    NOT NULL,
    job                 INTEGER NOT NULL,
    token               INTEGER NOT NULL,
    started_at          INTEGER NOT NULL,
    finished_at         INTEGER,
    provider_message_id TEXT,
    recipients          TEXT    NOT NULL,
    skipped             TEXT,
    grants              TEXT
) STRICT;
CREATE UNIQUE INDEX courierx_attempts_id ON courierx_attempts (id, tenant);
CREATE UNIQUE INDEX courierx_attempts_message ON courierx_attempts (message, number);
CREATE INDEX courierx_attempts_delivery ON courierx_attempts (delivery, connection, tenant);

-- By what identifiers of theirs providers may tell of an attempt.
CREATE TABLE courierx_provider_ids (
    provider_message_id TEXT    NOT NULL,
    connection          TEXT    NOT NULL,
    tenant              BLOB    NOT NULL,
    message             INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    PRIMARY KEY (provider_message_id, connection, tenant, message, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_provider_ids_message ON courierx_provider_ids (message);

-- AUTOINCREMENT: a position that was read is never given to a later event, even after a purge.
CREATE TABLE courierx_events (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB    NOT NULL,
    tenant        BLOB    NOT NULL,
    message       BLOB,
    recipient     INTEGER,
    attempt       BLOB,
    connection    TEXT,
    kind          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    detail        TEXT,
    deduplication TEXT
) STRICT;
CREATE INDEX courierx_events_message ON courierx_events (message) WHERE message IS NOT NULL;
CREATE INDEX courierx_events_tenant ON courierx_events (sequence >> 12, tenant);
CREATE UNIQUE INDEX courierx_events_deduplication ON courierx_events (tenant, connection, deduplication)
    WHERE deduplication IS NOT NULL;

CREATE TABLE courierx_idempotency (
    tenant     BLOB    NOT NULL,
    key        TEXT    NOT NULL,
    message    BLOB    NOT NULL,
    digest     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_idempotency_expiry ON courierx_idempotency (expires_at);

-- AUTOINCREMENT: the lease of a job that is gone never fits another.
-- `free_at` is when anybody may claim the job: `run_at`, or the end of the lease while `leased`.
CREATE TABLE courierx_jobs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  BLOB    NOT NULL,
    kind    TEXT    NOT NULL,
    message BLOB,
    lane    INTEGER NOT NULL,
    run_at  INTEGER NOT NULL,
    free_at INTEGER NOT NULL,
    leased  INTEGER NOT NULL DEFAULT 0,
    token   INTEGER NOT NULL DEFAULT 0,
    round   INTEGER NOT NULL DEFAULT 0,
    payload BLOB    NOT NULL
) STRICT;
CREATE INDEX courierx_jobs_free ON courierx_jobs (kind, lane, tenant, free_at);

-- Which tenants have jobs, and from when on it makes sense to look: `next_at` is never later than the
-- earliest `free_at` of a job that is not due yet. `turn` grows each time the tenant is served.
CREATE TABLE courierx_ready (
    kind    TEXT    NOT NULL,
    lane    INTEGER NOT NULL,
    tenant  BLOB    NOT NULL,
    next_at INTEGER NOT NULL,
    turn    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, lane, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_ready_next ON courierx_ready (kind, lane, next_at, turn);

CREATE TABLE courierx_suppressions (
    tenant     BLOB    NOT NULL,
    pattern    TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant, pattern, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE courierx_counters (
    tenant BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    day    INTEGER NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE courierx_quotas (
    tenant BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    period TEXT    NOT NULL,
    bucket INTEGER NOT NULL,
    used   INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, period, bucket)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a grant that was given back is never taken for a later one.
CREATE TABLE courierx_grants (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    period TEXT    NOT NULL,
    bucket INTEGER NOT NULL,
    amount INTEGER NOT NULL
) STRICT;

CREATE TABLE courierx_configs (
    tenant      BLOB    NOT NULL,
    kind        TEXT    NOT NULL,
    id          BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    schema      INTEGER NOT NULL,
    parent      BLOB,
    unique_keys TEXT    NOT NULL,
    global_keys TEXT    NOT NULL,
    refers_to   TEXT    NOT NULL,
    updated_at  INTEGER NOT NULL,
    body        TEXT    NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_configs_parent ON courierx_configs (tenant, kind, parent, id) WHERE parent IS NOT NULL;

CREATE TABLE courierx_config_keys (
    tenant BLOB NOT NULL,
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    id     BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, name, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_config_keys_id ON courierx_config_keys (tenant, kind, id);

-- Keys that are looked up without a tenant: the only rows that cross tenants.
CREATE TABLE courierx_directory (
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    tenant BLOB NOT NULL,
    id     BLOB NOT NULL,
    PRIMARY KEY (kind, name, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_directory_id ON courierx_directory (tenant, kind, id);

CREATE TABLE courierx_references (
    tenant    BLOB    NOT NULL,
    to_kind   TEXT    NOT NULL,
    to_id     BLOB    NOT NULL,
    from_kind TEXT    NOT NULL,
    from_id   BLOB    NOT NULL,
    cascades  INTEGER NOT NULL,
    PRIMARY KEY (tenant, to_kind, to_id, from_kind, from_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_references_from ON courierx_references (tenant, from_kind, from_id);

CREATE TABLE courierx_config_changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   BLOB    NOT NULL,
    kind     TEXT    NOT NULL,
    id       BLOB    NOT NULL,
    removed  INTEGER NOT NULL
) STRICT;

CREATE TABLE courierx_state (
    tenant     BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    value      BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_state_expiry ON courierx_state (expires_at);

-- The last version given to an entry of the state, whichever: versions are never used again.
CREATE TABLE courierx_state_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO courierx_state_version VALUES (0);
