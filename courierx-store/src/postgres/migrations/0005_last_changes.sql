-- Of the changes of a record only the last is kept. A process of the version before adds one and leaves the others,
-- so the index is not unique: whoever changes that record next removes all but the last.
DELETE FROM config_changes WHERE position IN (
    SELECT position FROM (
        SELECT position, row_number() OVER (PARTITION BY tenant, kind, id ORDER BY position DESC) AS place
        FROM config_changes
    ) AS numbered
    WHERE place > 1
);
CREATE INDEX config_changes_record ON config_changes (tenant, kind, id, position);
