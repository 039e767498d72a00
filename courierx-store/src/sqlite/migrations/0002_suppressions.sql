-- Entries have identifiers, notes, and the message that was their cause.
ALTER TABLE courierx_suppressions ADD COLUMN id BLOB;
ALTER TABLE courierx_suppressions ADD COLUMN note TEXT;
ALTER TABLE courierx_suppressions ADD COLUMN source_message BLOB;
UPDATE courierx_suppressions SET id = randomblob(16);
CREATE UNIQUE INDEX courierx_suppressions_id ON courierx_suppressions (id, tenant);
