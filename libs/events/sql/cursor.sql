-- What a consumer has taken in: its whole state, moved in the transaction of its effects.

CREATE TABLE cursor (
    source text NOT NULL,
    bucket smallint NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    next bigint NOT NULL DEFAULT 0,
    CONSTRAINT cursor_pkey PRIMARY KEY (source, bucket),
    CONSTRAINT cursor_bucket CHECK (bucket BETWEEN 0 AND 63),
    CONSTRAINT cursor_position CHECK (generation >= 0 AND next >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE cursor IS '[queue] The position of this consumer in each bucket of each source';
COMMENT ON COLUMN cursor.source IS 'The service that emits';
COMMENT ON COLUMN cursor.bucket IS 'The numbered stream of that service, 0 to 63';
COMMENT ON COLUMN cursor.generation IS 'Generation of the last event taken in; 0 before the first';
COMMENT ON COLUMN cursor.next IS 'The number expected next in that generation';

ALTER TABLE cursor ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (generation, next) ON cursor TO {service}_runtime;
CREATE POLICY cursor_runtime_select ON cursor FOR SELECT TO {service}_runtime USING (true);
CREATE POLICY cursor_runtime_insert ON cursor FOR INSERT TO {service}_runtime WITH CHECK (true);
CREATE POLICY cursor_runtime_update ON cursor FOR UPDATE TO {service}_runtime USING (true) WITH CHECK (true);

CREATE TABLE parked_record (
    digest bytea NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    header_names bytea[] NOT NULL,
    header_values bytea[] NOT NULL,
    value bytea,
    parked_at timestamptz NOT NULL,
    CONSTRAINT parked_record_pkey PRIMARY KEY (digest, reason),
    CONSTRAINT parked_record_reason CHECK (reason IN ('malformed', 'forged', 'rejected', 'failed', 'conflict', 'superseded')),
    CONSTRAINT parked_record_headers CHECK (cardinality(header_names) = cardinality(header_values))
);
COMMENT ON TABLE parked_record IS '[queue] Records that were set aside, with their bytes, for a person to judge; each raised an alarm';
COMMENT ON COLUMN parked_record.digest IS 'SHA-256 over topic, key, value and headers: the same bytes are kept once';
COMMENT ON COLUMN parked_record.reason IS 'malformed: no record of ours; forged: wrong MAC; rejected: the consumer refused it; failed: the consumer failed on it repeatedly; conflict: another record has its number; superseded: left behind by a new generation';
COMMENT ON COLUMN parked_record.detail IS 'What the consumer said; no personal data';
COMMENT ON COLUMN parked_record.topic IS 'Kafka topic';
COMMENT ON COLUMN parked_record.partition IS 'Kafka partition';
COMMENT ON COLUMN parked_record.record_offset IS 'Kafka offset, a hint: a broker that forgot begins again';
COMMENT ON COLUMN parked_record.key IS 'Kafka key as received';
COMMENT ON COLUMN parked_record.header_names IS 'Names of the headers in their order, UTF-8; bytes, since they may hold what no text can';
COMMENT ON COLUMN parked_record.header_values IS 'Values of the headers in their order; null where a header has none';
COMMENT ON COLUMN parked_record.value IS 'The value as received';
COMMENT ON COLUMN parked_record.parked_at IS 'When it was set aside';

ALTER TABLE parked_record ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON parked_record TO {service}_runtime;
CREATE POLICY parked_record_runtime_select ON parked_record FOR SELECT TO {service}_runtime USING (true);
CREATE POLICY parked_record_runtime_insert ON parked_record FOR INSERT TO {service}_runtime WITH CHECK (true);
