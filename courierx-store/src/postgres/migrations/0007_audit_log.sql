-- Who changed what. In the order of its key a tenant's entries are in that of time.
CREATE TABLE audit_log (
    tenant   uuid   NOT NULL,
    at       bigint NOT NULL,
    id       uuid   NOT NULL,
    actor    text   NOT NULL,
    actor_id uuid,
    action   text   NOT NULL,
    kind     text   NOT NULL,
    subject  uuid,
    request  text,
    fields   text   NOT NULL,
    PRIMARY KEY (tenant, at, id)
);
CREATE INDEX audit_log_age ON audit_log (at);
