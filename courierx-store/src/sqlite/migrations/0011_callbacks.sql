-- What providers called back with, as it came, until each of its events is recorded. `remaining` are the positions
-- of those that are left, as JSON; none of them was looked at while it is NULL.
CREATE TABLE courierx_callbacks (
    number      INTEGER PRIMARY KEY,
    tenant      BLOB    NOT NULL,
    id          BLOB    NOT NULL,
    connection  TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    remaining   TEXT,
    body        BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX courierx_callbacks_id ON courierx_callbacks (tenant, id);
CREATE INDEX courierx_callbacks_age ON courierx_callbacks (received_at);
