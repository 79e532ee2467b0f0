-- Events on their way out: written in the transaction of what they report, numbered and sent by the relay.

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL,
    log uuid NOT NULL,
    bucket smallint NOT NULL,
    action text NOT NULL,
    occurred_at timestamptz NOT NULL,
    traceparent text,
    envelope bytea NOT NULL,
    generation integer,
    number bigint,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    -- One log is in one bucket for ever: the first eight bytes of its SHA-256, big-endian, modulo 64.
    CONSTRAINT outbox_bucket CHECK (bucket = (get_byte(sha256(uuid_send(log)), 7) & 63)),
    -- No broker takes a larger record, so none may be written.
    CONSTRAINT outbox_envelope CHECK (octet_length(envelope) <= 262144),
    CONSTRAINT outbox_number CHECK ((generation IS NULL) = (number IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
COMMENT ON TABLE outbox IS '[queue] Events to send; a row stays until every consumer has it and the recovery window has passed';
COMMENT ON COLUMN outbox.id IS 'Order of writing; rows are numbered in this order as they are found committed';
COMMENT ON COLUMN outbox.event_id IS 'Identifier of the event, UUID version 7';
COMMENT ON COLUMN outbox.log IS 'The audit log that the event belongs to: a workspace, or the platform';
COMMENT ON COLUMN outbox.bucket IS 'Which of the 64 numbered streams of this source; follows from the log';
COMMENT ON COLUMN outbox.action IS 'Name of the action, noun.verb';
COMMENT ON COLUMN outbox.occurred_at IS 'When it happened';
COMMENT ON COLUMN outbox.traceparent IS 'W3C trace context of the call that caused it; null when untraced';
COMMENT ON COLUMN outbox.envelope IS 'wardenry.events.v1.Envelope, serialised; personal values sealed to their reader';
COMMENT ON COLUMN outbox.generation IS 'First half of the event number; null until the relay numbers the row';
COMMENT ON COLUMN outbox.number IS 'Second half of the event number: dense from 0 within bucket and generation';

CREATE INDEX outbox_unnumbered ON outbox (bucket, id) WHERE number IS NULL;
CREATE UNIQUE INDEX outbox_numbered ON outbox (bucket, generation, number) WHERE number IS NOT NULL;

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT (event_id, log, bucket, action, occurred_at, traceparent, envelope) ON outbox TO {service}_runtime;
CREATE POLICY outbox_runtime_insert ON outbox FOR INSERT TO {service}_runtime WITH CHECK (number IS NULL);
GRANT SELECT, DELETE, UPDATE (generation, number) ON outbox TO {service}_relay;
CREATE POLICY outbox_relay_select ON outbox FOR SELECT TO {service}_relay USING (true);
CREATE POLICY outbox_relay_update ON outbox FOR UPDATE TO {service}_relay USING (true) WITH CHECK (true);
CREATE POLICY outbox_relay_delete ON outbox FOR DELETE TO {service}_relay USING (number IS NOT NULL);

CREATE TABLE outbox_head (
    bucket smallint NOT NULL,
    generation integer NOT NULL DEFAULT 1,
    next bigint NOT NULL DEFAULT 0,
    CONSTRAINT outbox_head_pkey PRIMARY KEY (bucket),
    CONSTRAINT outbox_head_bucket CHECK (bucket BETWEEN 0 AND 63),
    CONSTRAINT outbox_head_position CHECK (generation >= 1 AND next >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE outbox_head IS '[queue] The next event number of each bucket; its row is the lock under which numbers are given';
COMMENT ON COLUMN outbox_head.bucket IS 'The numbered stream, 0 to 63';
COMMENT ON COLUMN outbox_head.generation IS 'Raised when the database was restored; numbers begin at 0 again';
COMMENT ON COLUMN outbox_head.next IS 'The number that the next row gets';
INSERT INTO outbox_head (bucket) SELECT generate_series(0, 63);

ALTER TABLE outbox_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, UPDATE (generation, next) ON outbox_head TO {service}_relay;
CREATE POLICY outbox_head_relay_select ON outbox_head FOR SELECT TO {service}_relay USING (true);
CREATE POLICY outbox_head_relay_update ON outbox_head FOR UPDATE TO {service}_relay USING (true) WITH CHECK (true);
