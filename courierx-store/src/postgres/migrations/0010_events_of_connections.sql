-- What is told of connections goes with no message: a purge seeks it by its age.
CREATE INDEX events_alone ON events (at) WHERE message IS NULL;
