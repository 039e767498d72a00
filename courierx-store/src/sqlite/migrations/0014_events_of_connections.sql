-- What is told of connections goes with no message: a purge seeks it by its age.
CREATE INDEX courierx_events_alone ON courierx_events (at) WHERE message IS NULL;
