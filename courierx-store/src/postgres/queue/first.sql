-- The first tenants in the line. $1: the kinds; $2: how many at most; $3: the time, unless it is the database's.
WITH clock AS MATERIALIZED (
    SELECT coalesce($3::int8, (extract(epoch FROM clock_timestamp()) * 1000000)::int8) AS now
)
SELECT first.tenant FROM unnest((SELECT $1::text[])) AS k (kind),
LATERAL (
    SELECT next_at, turn, tenant FROM ready WHERE ready.kind = k.kind AND next_at <= (SELECT now FROM clock)
    ORDER BY next_at, turn, tenant LIMIT (SELECT $2::int8)
) AS first
GROUP BY first.tenant ORDER BY min(first.next_at), min(first.turn), first.tenant LIMIT (SELECT $2::int8)
