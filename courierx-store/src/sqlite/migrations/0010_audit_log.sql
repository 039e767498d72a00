-- Who changed what. In the order of its key a tenant's entries are in that of time.
CREATE TABLE courierx_audit_log (
    tenant   BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    id       BLOB    NOT NULL,
    actor    TEXT    NOT NULL,
    actor_id BLOB,
    action   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    subject  BLOB,
    request  TEXT,
    fields   TEXT    NOT NULL,
    PRIMARY KEY (tenant, at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_audit_log_age ON courierx_audit_log (at);
