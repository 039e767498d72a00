-- The soft bounces of an address in a row, and when the last one was recorded. No row if something arrived since.
CREATE TABLE courierx_soft_bounces (
    tenant  BLOB    NOT NULL,
    address TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX courierx_soft_bounces_age ON courierx_soft_bounces (last_at);
