-- How far each log of the record is in this database. A position changes in the transaction that
-- writes the rows before it, so that neither is ever without the other.

CREATE SCHEMA IF NOT EXISTS trading;

CREATE TABLE IF NOT EXISTS trading.sink_position (
    sink       TEXT        NOT NULL, -- who writes: postgres
    channel    TEXT        NOT NULL,
    partition  TEXT        NOT NULL,
    position   BIGINT      NOT NULL, -- records of the log before it are in the tables
    intake     JSONB       NOT NULL, -- how far each producer of the log has been read
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (sink, channel, partition)
);
COMMENT ON TABLE trading.sink_position IS 'How far each log is in the tables';
