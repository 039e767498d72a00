-- When a tenant was served last: mail that was due before does not bring it back to the front of the line.
ALTER TABLE courierx_ready ADD COLUMN served_at INTEGER NOT NULL DEFAULT 0;
