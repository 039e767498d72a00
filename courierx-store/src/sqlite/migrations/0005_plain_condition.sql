-- The same index. For NOT IN with more than two values SQLite fills a temporary table, with each message that is
-- accepted; comparisons cost next to nothing.
DROP INDEX courierx_messages_done;
CREATE INDEX courierx_messages_done ON courierx_messages (has_content, created_at)
    WHERE status <> 'scheduled' AND status <> 'queued' AND status <> 'sending';
