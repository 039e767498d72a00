-- What accepting a message writes, in fewer rows and indexes.

-- The last numbers given out, written once for a commit. `position` is that of messages and events in the order
-- of their commits: a position that was read is never given to a later event, even after a purge. `job` is that
-- of jobs: the lease of a job that is gone never fits another.
CREATE TABLE courierx_numbers (
    position INTEGER NOT NULL,
    job      INTEGER NOT NULL
) STRICT;
INSERT INTO courierx_numbers
SELECT max((SELECT coalesce(max(seq), 0) FROM courierx_messages),
           (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'courierx_events')),
       (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'courierx_jobs');

-- `queued` is the identifier of the event that the message was accepted, which stands at the position `seq`;
-- NULL if that event, or another one, has a row. `recipients` has a line for each; NULL if they have rows.
-- `content` is what a row of `courierx_contents` has for a larger one: that is not written anew with each status.
ALTER TABLE courierx_messages ADD COLUMN queued BLOB;
ALTER TABLE courierx_messages ADD COLUMN recipients TEXT;
ALTER TABLE courierx_messages ADD COLUMN content BLOB;
UPDATE courierx_messages SET recipients = (
    SELECT group_concat(field || ' ' || disposition || ' ' || status || ' ' || address, char(10) ORDER BY position)
    FROM courierx_recipients WHERE message = seq
) WHERE (SELECT count(*) FROM courierx_recipients WHERE message = seq) <= 16;
DELETE FROM courierx_recipients
WHERE message IN (SELECT seq FROM courierx_messages WHERE recipients IS NOT NULL);

-- What purging looks for: nothing that was just accepted.
DROP INDEX courierx_messages_age;
CREATE INDEX courierx_messages_done ON courierx_messages (has_content, created_at)
    WHERE status NOT IN ('scheduled', 'queued', 'sending');

CREATE TABLE courierx_events_copy (
    sequence      INTEGER PRIMARY KEY,
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
INSERT INTO courierx_events_copy SELECT * FROM courierx_events ORDER BY sequence;
DROP TABLE courierx_events;
ALTER TABLE courierx_events_copy RENAME TO courierx_events;
CREATE INDEX courierx_events_message ON courierx_events (message) WHERE message IS NOT NULL;
CREATE INDEX courierx_events_tenant ON courierx_events (sequence >> 12, tenant);
CREATE UNIQUE INDEX courierx_events_deduplication ON courierx_events (tenant, connection, deduplication)
    WHERE deduplication IS NOT NULL;

CREATE TABLE courierx_jobs_copy (
    id      INTEGER PRIMARY KEY,
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
INSERT INTO courierx_jobs_copy SELECT * FROM courierx_jobs ORDER BY id;
DROP TABLE courierx_jobs;
ALTER TABLE courierx_jobs_copy RENAME TO courierx_jobs;
CREATE INDEX courierx_jobs_free ON courierx_jobs (kind, lane, tenant, free_at);
