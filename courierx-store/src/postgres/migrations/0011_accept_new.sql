-- Messages of which nothing is here yet, with all that accepting them brings along: one statement is the whole
-- transaction, so nobody waits for a program while it holds what others need. Its parameters are columns of the
-- tables that they are named after; those of messages are sorted by tenant and identifier, counters by their key.
-- Answers the position before the first event; nothing, and writes nothing, if a message or a key is here already.
-- The commit does not wait for the disk: whoever calls this does so before anybody is told.
CREATE FUNCTION accept_new(
    message_tenant uuid[], message_id uuid[], created bigint[], send bigint[], deliver bigint[], senders text[],
    message_lane smallint[], modes text[], retries text[], duplicate text[], tag text[], statuses text[],
    recipient_lists text[], summaries bytea[], contents_sealed bytea[],
    key_tenant uuid[], keys text[], key_message uuid[], digests bytea[], key_expires bigint[], moment bigint,
    job_tenant uuid[], job_kind text[], job_message uuid[], job_lane smallint[], job_run_at bigint[],
    job_payload bytea[],
    counter_tenant uuid[], counter_name text[], counter_day bigint[], counter_value bigint[],
    event_tenant uuid[], event_id uuid[], event_message uuid[], event_recipient bigint[], event_kind text[],
    event_at bigint[], event_detail text[]
) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    taken bigint;
    first_of bigint;
BEGIN
    BEGIN
        IF cardinality(keys) > 0 THEN
            INSERT INTO idempotency AS present (tenant, key, message, digest, expires_at)
            SELECT * FROM unnest(key_tenant, keys, key_message, digests, key_expires) AS new (a, b, c, d, e)
            ORDER BY a, b COLLATE "C"
            ON CONFLICT (tenant, key) DO UPDATE
                SET message = excluded.message, digest = excluded.digest, expires_at = excluded.expires_at
                WHERE present.expires_at <= moment;
            GET DIAGNOSTICS taken = ROW_COUNT;
            IF taken < cardinality(keys) THEN
                RAISE unique_violation;
            END IF;
        END IF;
        INSERT INTO messages (tenant, id, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates,
                              tags, status, recipients)
        SELECT * FROM unnest(message_tenant, message_id, created, send, deliver, senders, message_lane, modes,
                             retries, duplicate, tag, statuses, recipient_lists);
        INSERT INTO contents (tenant, created_at, message, summary, sealed)
        SELECT * FROM unnest(message_tenant, created, message_id, summaries, contents_sealed);
    EXCEPTION WHEN unique_violation THEN
        RETURN NULL;
    END;

    INSERT INTO arrivals (kind, tenant, at)
    SELECT kind, tenant, min(run_at) FROM unnest(job_kind, job_tenant, job_run_at) AS new (kind, tenant, run_at)
    GROUP BY kind, tenant;
    INSERT INTO jobs (tenant, kind, message, lane, run_at, free_at, payload)
    SELECT a, b, c, d, e, e, f
    FROM unnest(job_tenant, job_kind, job_message, job_lane, job_run_at, job_payload) AS new (a, b, c, d, e, f);

    INSERT INTO counters (tenant, name, day, value)
    SELECT * FROM unnest(counter_tenant, counter_name, counter_day, counter_value)
    ON CONFLICT (tenant, name, day) DO UPDATE SET value = counters.value + excluded.value;

    UPDATE numbers SET value = value + cardinality(event_id) WHERE name = 'events'
    RETURNING value - cardinality(event_id) INTO STRICT first_of;
    INSERT INTO events (tenant, position, id, message, recipient, kind, at, detail)
    SELECT a, first_of + number, b, c, d, e, f, g
    FROM unnest(event_tenant, event_id, event_message, event_recipient, event_kind, event_at, event_detail)
         WITH ORDINALITY AS new (a, b, c, d, e, f, g, number);
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN first_of;
END
$$;
