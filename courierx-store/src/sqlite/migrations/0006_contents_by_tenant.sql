-- What is looked for to remove contents of one tenant: in buckets, as everything by tenant, so that what becomes
-- settled at the same time stands side by side.
CREATE INDEX courierx_messages_done_tenant ON courierx_messages (seq >> 12, tenant, created_at)
    WHERE has_content = 1 AND status <> 'scheduled' AND status <> 'queued' AND status <> 'sending';
