-- Tenants with jobs stand in a line, so that a claim looks at those it serves and at no others.

CREATE INDEX jobs_line ON jobs (kind, tenant, lane, free_at, id);

-- The line. `next_at` is when it makes sense to look at a tenant's jobs: never later than one of them is free,
-- unless an arrival says so. `changes` grows with every arrival that was taken in.
CREATE TABLE ready (
    kind      text   COLLATE "C" NOT NULL,
    tenant    uuid   NOT NULL,
    next_at   bigint NOT NULL,
    served_at bigint NOT NULL DEFAULT 0,
    turn      bigint NOT NULL DEFAULT 0,
    changes   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, tenant)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX ready_line ON ready (kind, next_at, turn, tenant);

-- Jobs that were added or put back, one row for each kind and tenant of a transaction. Nothing here is unique, so
-- nobody who adds jobs waits for others who do, however long their transactions are open. Claims empty it.
CREATE TABLE arrivals (
    kind   text   COLLATE "C" NOT NULL,
    tenant uuid   NOT NULL,
    at     bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- For processes of the version before, which may still run: they write `due`, and claim what they or others like
-- them added; their jobs arrive by the trigger. It goes, with `due`, its indexes and `turns`, once there are none.
ALTER TABLE jobs ALTER COLUMN due DROP NOT NULL;
CREATE FUNCTION arrive() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO arrivals (kind, tenant, at) VALUES (NEW.kind, NEW.tenant, NEW.free_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER arrive AFTER INSERT OR UPDATE OF free_at ON jobs FOR EACH ROW
    WHEN (NEW.due IS NOT NULL AND NOT NEW.leased) EXECUTE FUNCTION arrive();

-- After the trigger: whoever added jobs before has committed.
INSERT INTO ready (kind, tenant, next_at) SELECT kind, tenant, min(free_at) FROM jobs GROUP BY kind, tenant;
