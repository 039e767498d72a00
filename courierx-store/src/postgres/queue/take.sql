-- Leases due jobs of tenants, and sends them to the end of the line. $1: the tenants; $2: how many of each; $3: the
-- kinds; $4: the time, unless it is the database's; $5: how long they are leased; $6: the last moment there is;
-- $7: the lanes; $8: how many of each tenant's every lane keeps.
WITH clock AS MATERIALIZED (
    SELECT coalesce($4::int8, (extract(epoch FROM clock_timestamp()) * 1000000)::int8) AS now, nextval('turn') AS turn
), taken AS MATERIALIZED (
    SELECT mine.id, mine.kind, s.tenant
    FROM unnest((SELECT $1::uuid[]), (SELECT $2::int8[]), (SELECT $8::int8[])) AS s (tenant, portion, kept),
    LATERAL (
        SELECT id, kind FROM (
            SELECT next.id, next.free_at, k.kind, l.lane,
                   row_number() OVER (PARTITION BY l.lane ORDER BY next.free_at, next.id) AS place
            FROM unnest((SELECT $3::text[])) AS k (kind), unnest((SELECT $7::int2[])) AS l (lane),
            -- What others are claiming at this moment is passed by.
            LATERAL (SELECT id, free_at FROM jobs
                     WHERE jobs.kind = k.kind AND jobs.tenant = s.tenant AND jobs.lane = l.lane
                           AND free_at <= (SELECT now FROM clock)
                     ORDER BY free_at, id LIMIT s.portion FOR UPDATE SKIP LOCKED) AS next
        ) AS due
        -- What a lane keeps comes first, then what is more urgent.
        ORDER BY place > s.kept, lane, free_at, id LIMIT s.portion
    ) AS mine
), seen AS MATERIALIZED (
    -- When it makes sense to look again: when the next job is free, be it that its lease ends. NULL if there is none.
    SELECT r.kind, r.tenant, r.changes, t.place, least(
        (SELECT min(next.free_at) FROM unnest((SELECT $7::int2[])) AS l (lane),
         LATERAL (SELECT free_at FROM jobs
                  WHERE jobs.kind = r.kind AND jobs.tenant = r.tenant AND jobs.lane = l.lane
                        AND jobs.id <> ALL (ARRAY(SELECT id FROM taken))
                  ORDER BY free_at LIMIT 1) AS next),
        (SELECT least(clock.now + $5, $6) FROM clock WHERE EXISTS (
             SELECT FROM taken WHERE taken.kind = r.kind AND taken.tenant = r.tenant))) AS next_at
    FROM unnest((SELECT $1::uuid[])) WITH ORDINALITY AS t (tenant, place), unnest((SELECT $3::text[])) AS k (kind),
    -- The limit has it sought, one by one, whatever is known of the table.
    LATERAL (SELECT kind, tenant, changes FROM ready
             WHERE ready.kind = k.kind AND ready.tenant = t.tenant LIMIT 1) AS r
), locked AS MATERIALIZED (
    SELECT r.kind, r.tenant, r.changes FROM (
        SELECT k.kind, t.tenant FROM unnest((SELECT $3::text[])) AS k (kind), unnest((SELECT $1::uuid[])) AS t (tenant)
        ORDER BY k.kind COLLATE "C", t.tenant
    ) AS one,
    LATERAL (SELECT kind, tenant, changes FROM ready
             WHERE ready.kind = one.kind AND ready.tenant = one.tenant LIMIT 1 FOR UPDATE) AS r
), left_behind AS MATERIALIZED (
    -- What arrived since may be a job that was not seen: then it makes sense to look right away.
    SELECT kind, tenant, place, CASE WHEN seen.changes = locked.changes THEN seen.next_at ELSE 0 END AS next_at
    FROM locked JOIN seen USING (kind, tenant)
), gone AS (
    DELETE FROM ready USING left_behind l
    WHERE ready.kind = l.kind AND ready.tenant = l.tenant AND l.next_at IS NULL
), moved AS (
    -- In the order in which they stood, and behind everybody who is due.
    UPDATE ready SET next_at = greatest(l.next_at, clock.now), served_at = clock.now, turn = clock.turn * 10000 + l.place
    FROM left_behind l, clock
    WHERE ready.kind = l.kind AND ready.tenant = l.tenant AND l.next_at IS NOT NULL
)
UPDATE jobs SET leased = true, due = NULL, free_at = least(clock.now + $5, $6), token = token + 1
FROM clock WHERE jobs.id = ANY (ARRAY(SELECT id FROM taken))
RETURNING jobs.id, jobs.tenant, jobs.kind, jobs.message, jobs.lane, jobs.run_at, jobs.free_at, jobs.token,
          jobs.round, jobs.payload, EXISTS (SELECT FROM staged)
