-- No index begins with the tenant unless all that it is sought by is in it: of a young table nothing is known, and
-- an index of the tenant and something else is then as good as the primary key to whoever seeks one message. So each
-- look at a message's attempts walked through all attempts of the tenant.
DROP INDEX attempts_delivery;
CREATE INDEX attempts_delivery ON attempts (delivery);
DROP INDEX provider_ids_message;
CREATE INDEX provider_ids_message ON provider_ids (message);
