-- Of the changes of a record only the last is kept.
DELETE FROM courierx_config_changes WHERE sequence NOT IN
    (SELECT max(sequence) FROM courierx_config_changes GROUP BY tenant, kind, id);
CREATE INDEX courierx_config_changes_record ON courierx_config_changes (tenant, kind, id);
