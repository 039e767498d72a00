-- What was used of a quota in a period that is over counts no more: a purge seeks it by its age.
CREATE INDEX quotas_age ON quotas (bucket);
