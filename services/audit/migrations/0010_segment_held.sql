-- Logs of which stored entries are gone. Segments, and so the checkpoints of all other logs, go on without them; a log
-- that is whole again goes back into segment_part.

CREATE TABLE segment_held (
    log_id uuid NOT NULL,
    first bigint NOT NULL,
    count bigint NOT NULL,
    damaged bigint NOT NULL,
    recorded_from timestamptz NOT NULL,
    recorded_until timestamptz NOT NULL,
    size bigint NOT NULL,
    held_at timestamptz NOT NULL,
    CONSTRAINT segment_held_pkey PRIMARY KEY (log_id),
    CONSTRAINT segment_held_span CHECK (first >= 0 AND count > 0 AND damaged >= first)
);
COMMENT ON TABLE segment_held IS '[queue] Logs that are held back, as entries that no segment holds yet are gone; nothing of the entries themselves';
COMMENT ON COLUMN segment_held.log_id IS 'The log; no checkpoint of it is released while it stands here';
COMMENT ON COLUMN segment_held.first IS 'Index of the first entry that no segment holds';
COMMENT ON COLUMN segment_held.count IS 'Number of entries that were taken out of segment_part, all of one row';
COMMENT ON COLUMN segment_held.damaged IS 'Index of the first entry that is gone, or is another than the tree says';
COMMENT ON COLUMN segment_held.recorded_from IS 'As in segment_part';
COMMENT ON COLUMN segment_held.recorded_until IS 'As in segment_part';
COMMENT ON COLUMN segment_held.size IS 'Bytes of the parts that they were in, at least their own';
COMMENT ON COLUMN segment_held.held_at IS 'When the log was found damaged';

ALTER TABLE segment_held ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (count, recorded_from, recorded_until, size), DELETE ON segment_held TO audit_runtime;
CREATE POLICY segment_held_runtime_select ON segment_held FOR SELECT TO audit_runtime USING (true);
CREATE POLICY segment_held_runtime_insert ON segment_held FOR INSERT TO audit_runtime WITH CHECK (true);
CREATE POLICY segment_held_runtime_update ON segment_held FOR UPDATE TO audit_runtime USING (true) WITH CHECK (true);
CREATE POLICY segment_held_runtime_delete ON segment_held FOR DELETE TO audit_runtime USING (true);

-- What waits may lose a log, and goes when it was of that log alone. What a segment holds, it holds for ever, as before.
GRANT UPDATE (logs, firsts, counts), DELETE ON segment_part TO audit_runtime;
ALTER POLICY segment_part_runtime_update ON segment_part USING (segment IS NULL) WITH CHECK (true);
CREATE POLICY segment_part_runtime_delete ON segment_part FOR DELETE TO audit_runtime USING (segment IS NULL);
