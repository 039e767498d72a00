-- Arrivals become places in the line. $1: the time, unless it is the database's; $2: how many at most.
-- Losing this in a crash loses nothing, the arrivals would be there again: it does not wait for the disk.
WITH clock AS MATERIALIZED (
    SELECT coalesce($1::int8, (extract(epoch FROM clock_timestamp()) * 1000000)::int8) AS now,
           set_config('synchronous_commit', 'off', true)
), arrived AS (
    DELETE FROM arrivals WHERE ctid = ANY (ARRAY(SELECT ctid FROM arrivals LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING kind, tenant, at
)
INSERT INTO ready (kind, tenant, next_at)
SELECT arrived.kind, arrived.tenant, min(arrived.at) FROM arrived, clock
GROUP BY arrived.kind, arrived.tenant ORDER BY arrived.kind, arrived.tenant
ON CONFLICT (kind, tenant) DO UPDATE SET
    changes = ready.changes + 1,
    -- Who is due already keeps its place; who is not never comes before those who were served before it was.
    next_at = CASE WHEN ready.next_at <= (SELECT now FROM clock) THEN ready.next_at
              ELSE least(ready.next_at, greatest(excluded.next_at, ready.served_at)) END
