-- Segments of the object store: what each append added, and which segment holds it.

CREATE TABLE segment (
    number bigint NOT NULL,
    digest bytea NOT NULL,
    entries integer NOT NULL,
    stored_at timestamptz NOT NULL,
    CONSTRAINT segment_pkey PRIMARY KEY (number),
    CONSTRAINT segment_number CHECK (number >= 0),
    CONSTRAINT segment_digest CHECK (length(digest) = 32)
);
COMMENT ON TABLE segment IS '[platform] Objects with the logs'' entries that are in the object store, as one chain; nothing of what they hold';
COMMENT ON COLUMN segment.number IS 'Place in the chain, from 0; dense';
COMMENT ON COLUMN segment.digest IS 'SHA-256 of the object''s bytes; the next one names it';
COMMENT ON COLUMN segment.entries IS 'Number of entries in it';
COMMENT ON COLUMN segment.stored_at IS 'When the object store had taken it';

ALTER TABLE segment ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON segment TO audit_runtime;
CREATE POLICY segment_runtime_select ON segment FOR SELECT TO audit_runtime USING (true);
CREATE POLICY segment_runtime_insert ON segment FOR INSERT TO audit_runtime WITH CHECK (true);

CREATE TABLE segment_part (
    id bigint GENERATED ALWAYS AS IDENTITY,
    recorded_from timestamptz NOT NULL,
    recorded_until timestamptz NOT NULL,
    logs uuid[] NOT NULL,
    firsts bigint[] NOT NULL,
    counts integer[] NOT NULL,
    segment bigint,
    CONSTRAINT segment_part_pkey PRIMARY KEY (id),
    CONSTRAINT segment_part_segment_fkey FOREIGN KEY (segment) REFERENCES segment (number),
    CONSTRAINT segment_part_spans CHECK (
        cardinality(logs) > 0 AND cardinality(firsts) = cardinality(logs) AND cardinality(counts) = cardinality(logs)
    )
);
COMMENT ON TABLE segment_part IS '[queue] What each append added to which logs, until a segment holds it and after; nothing of the entries themselves';
COMMENT ON COLUMN segment_part.id IS 'Order; within one log, the order of its entries';
COMMENT ON COLUMN segment_part.recorded_from IS 'recorded_at of the earliest of the entries';
COMMENT ON COLUMN segment_part.recorded_until IS 'recorded_at of the latest of the entries';
COMMENT ON COLUMN segment_part.logs IS 'The logs';
COMMENT ON COLUMN segment_part.firsts IS 'For each log, the index of the first entry';
COMMENT ON COLUMN segment_part.counts IS 'For each log, the number of entries';
COMMENT ON COLUMN segment_part.segment IS 'The segment that holds them; null until one does, and no checkpoint is released over them until then';

CREATE INDEX segment_part_pending ON segment_part (id) WHERE segment IS NULL;
CREATE INDEX segment_part_segment ON segment_part (segment, id);

ALTER TABLE segment_part ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (segment) ON segment_part TO audit_runtime;
CREATE POLICY segment_part_runtime_select ON segment_part FOR SELECT TO audit_runtime USING (true);
CREATE POLICY segment_part_runtime_insert ON segment_part FOR INSERT TO audit_runtime WITH CHECK (segment IS NULL);
-- What a segment holds, it holds for ever.
CREATE POLICY segment_part_runtime_update ON segment_part FOR UPDATE TO audit_runtime
    USING (segment IS NULL) WITH CHECK (segment IS NOT NULL);

-- Entries from before there were segments wait for one like new ones. The owner reads and writes past the policies only
-- for as long as this takes.
ALTER TABLE tree_head NO FORCE ROW LEVEL SECURITY;
ALTER TABLE segment_part NO FORCE ROW LEVEL SECURITY;
INSERT INTO segment_part (recorded_from, recorded_until, logs, firsts, counts)
SELECT '2000-01-01', now(), ARRAY[log_id], ARRAY[0], ARRAY[size] FROM tree_head WHERE size > 0 ORDER BY log_id;
ALTER TABLE segment_part FORCE ROW LEVEL SECURITY;
ALTER TABLE tree_head FORCE ROW LEVEL SECURITY;
