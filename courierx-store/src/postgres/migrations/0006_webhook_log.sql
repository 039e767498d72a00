-- What webhook endpoints were told, and what they answered: one row for each try, in their order.
CREATE TABLE webhook_log (
    number   bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   uuid    NOT NULL,
    endpoint uuid    NOT NULL,
    at       bigint  NOT NULL,
    taken    boolean NOT NULL,
    body     text    NOT NULL
);
CREATE INDEX webhook_log_endpoint ON webhook_log (tenant, endpoint, number);
