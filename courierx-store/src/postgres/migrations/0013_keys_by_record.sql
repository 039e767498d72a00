-- Begins with the record, for the reason that the fourth migration gives: of a young table an index of the tenant, the kind
-- and something else looked as good as the primary key, and each look for a key read all keys of the tenant and kind.
DROP INDEX config_keys_id;
CREATE INDEX config_keys_id ON config_keys (id, kind, tenant);
