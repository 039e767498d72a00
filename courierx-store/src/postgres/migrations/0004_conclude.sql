-- No index begins with the tenant unless all that it is sought by is in it: of a young table nothing is known, and
-- an index of the tenant and something else is then as good as the primary key to whoever seeks one message. So each
-- look at a message's attempts walked through all attempts of the tenant.
DROP INDEX attempts_delivery;
CREATE INDEX attempts_delivery ON attempts (delivery);
DROP INDEX provider_ids_message;
CREATE INDEX provider_ids_message ON provider_ids (message);
DROP INDEX suppressions_id;
CREATE UNIQUE INDEX suppressions_id ON suppressions (id, tenant);

-- The last thing that a transaction does: it adds to statistics, and gives events their positions. Both are rows that
-- everybody needs, so this and the commit are sent together, and nobody holds them while a program is waited for.
-- Answers the position before the first event. The commit does not wait for the disk either: that follows it.
CREATE FUNCTION conclude(work json) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    first_of bigint;
BEGIN
    INSERT INTO counters (tenant, name, day, value)
    SELECT tenant, name, day, value
    FROM json_to_recordset(work -> 'counters') AS added (tenant uuid, name text, day bigint, value bigint)
    ORDER BY tenant, name COLLATE "C", day
    ON CONFLICT (tenant, name, day) DO UPDATE SET value = counters.value + excluded.value;

    WITH new AS MATERIALIZED (
        SELECT * FROM ROWS FROM (json_to_recordset(work -> 'events') AS (
            tenant uuid, id uuid, message uuid, recipient bigint, attempt uuid, connection text, kind text, at bigint,
            detail text, deduplication text
        )) WITH ORDINALITY
        AS new (tenant, id, message, recipient, attempt, connection, kind, at, detail, deduplication, number)
    ), place AS (
        UPDATE numbers SET value = value + (SELECT count(*) FROM new) WHERE name = 'events'
        RETURNING value - (SELECT count(*) FROM new) AS before
    ), written AS (
        INSERT INTO events (tenant, position, id, message, recipient, attempt, connection, kind, at, detail,
                            deduplication)
        SELECT tenant, before + number, id, message, recipient, attempt, connection, kind, at, detail, deduplication
        FROM place, new
    )
    SELECT before INTO STRICT first_of FROM place;
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN first_of;
END
$$;
