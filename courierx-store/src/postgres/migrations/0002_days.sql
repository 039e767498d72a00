-- Contents by the day of their message: old ones go with the table of their day, not row by row. What belongs to
-- a day without a table, and what was still to be sent when its day went, is in `contents_rest`.
-- A program of the version before cannot write them: stop all before the first of the new ones starts.
ALTER TABLE contents RENAME TO contents_before;
ALTER INDEX contents_pkey RENAME TO contents_before_pkey;

CREATE TABLE contents (
    tenant     uuid   NOT NULL,
    created_at bigint NOT NULL,
    message    uuid   NOT NULL,
    summary    bytea,
    sealed     bytea  NOT NULL,
    PRIMARY KEY (tenant, created_at, message)
) PARTITION BY RANGE (created_at);
ALTER TABLE contents ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE TABLE contents_rest PARTITION OF contents DEFAULT;
CREATE INDEX contents_rest_age ON contents_rest (created_at);

DO $$
DECLARE
    micros CONSTANT bigint := 86400000000;
    day bigint;
BEGIN
    FOR day IN
        SELECT DISTINCT m.created_at / micros
        FROM contents_before c JOIN messages m ON m.tenant = c.tenant AND m.id = c.message
        WHERE m.created_at >= 0
    LOOP
        EXECUTE format('CREATE TABLE contents_d%s PARTITION OF contents FOR VALUES FROM (%s) TO (%s)',
                       day, day * micros, (day + 1) * micros);
    END LOOP;
END
$$;
INSERT INTO contents (tenant, created_at, message, summary, sealed)
SELECT c.tenant, m.created_at, c.message, m.summary, c.sealed
FROM contents_before c JOIN messages m ON m.tenant = c.tenant AND m.id = c.message;
DROP TABLE contents_before;
ALTER TABLE messages DROP COLUMN summary;

-- What is looked for to remove contents of one tenant. `has_content` is false where that was done; of contents that
-- went with their day nothing is written down.
DROP INDEX messages_done_whole;
CREATE INDEX messages_done_whole ON messages (tenant, created_at)
    WHERE has_content AND status NOT IN ('scheduled', 'queued', 'sending');
