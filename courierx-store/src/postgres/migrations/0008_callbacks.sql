-- What providers called back with, as it came, until each of its events is recorded. `remaining` are the positions
-- of those that are left, as JSON; none of them was looked at while it is NULL.
CREATE TABLE callbacks (
    tenant      uuid   NOT NULL,
    id          uuid   NOT NULL,
    connection  text   NOT NULL,
    received_at bigint NOT NULL,
    remaining   text,
    body        bytea  NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- It is sealed: nothing is left to be compressed.
ALTER TABLE callbacks ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX callbacks_age ON callbacks (received_at);
