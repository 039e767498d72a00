-- The soft bounces of an address in a row, and when the last one was recorded. No row if something arrived since.
CREATE TABLE soft_bounces (
    tenant  uuid    NOT NULL,
    address text    NOT NULL,
    number  integer NOT NULL,
    last_at bigint  NOT NULL,
    PRIMARY KEY (tenant, address)
);
CREATE INDEX soft_bounces_age ON soft_bounces (last_at);
