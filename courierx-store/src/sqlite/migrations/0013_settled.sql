-- Whether nothing more is handed over of a message. It follows from the status, but the indexes of what purging looks
-- for ask for it instead: SQLite would write both anew with every status, also where it stays settled.
DROP INDEX courierx_messages_done;
DROP INDEX courierx_messages_done_tenant;
ALTER TABLE courierx_messages ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
UPDATE courierx_messages SET settled = 1
WHERE status <> 'scheduled' AND status <> 'queued' AND status <> 'sending';
CREATE INDEX courierx_messages_done ON courierx_messages (has_content, created_at) WHERE settled = 1;
CREATE INDEX courierx_messages_done_tenant ON courierx_messages (seq >> 12, tenant, created_at)
    WHERE has_content = 1 AND settled = 1;
