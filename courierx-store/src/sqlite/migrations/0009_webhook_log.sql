-- What webhook endpoints were told, and what they answered: one row for each try, in their order.
CREATE TABLE courierx_webhook_log (
    number   INTEGER PRIMARY KEY,
    tenant   BLOB    NOT NULL,
    endpoint BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    taken    INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX courierx_webhook_log_endpoint ON courierx_webhook_log (tenant, endpoint, number);
