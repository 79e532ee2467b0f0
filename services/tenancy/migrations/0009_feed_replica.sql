-- The processes that serve the feed, so that each knows how far the others' clients follow before it acknowledges.

CREATE TABLE feed_replica (
    replica_id uuid NOT NULL,
    known pg_snapshot NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT feed_replica_pkey PRIMARY KEY (replica_id)
)
WITH (fillfactor = 50);
COMMENT ON TABLE feed_replica IS '[platform] Processes that serve the feed, and what all their clients know; no tenant data';
COMMENT ON COLUMN feed_replica.replica_id IS 'The process, by an id of its own for each start';
COMMENT ON COLUMN feed_replica.known IS 'None of its clients judges by less than what this snapshot sees';
COMMENT ON COLUMN feed_replica.expires_at IS 'By this database''s clock; before then it may have clients whose lease is not over';

ALTER TABLE feed_replica ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE, UPDATE (known, expires_at) ON feed_replica TO tenancy_jobs;
CREATE POLICY feed_replica_jobs_select ON feed_replica FOR SELECT TO tenancy_jobs USING (true);
CREATE POLICY feed_replica_jobs_insert ON feed_replica FOR INSERT TO tenancy_jobs WITH CHECK (true);
CREATE POLICY feed_replica_jobs_update ON feed_replica FOR UPDATE TO tenancy_jobs USING (true) WITH CHECK (true);
CREATE POLICY feed_replica_jobs_delete ON feed_replica FOR DELETE TO tenancy_jobs USING (expires_at < now());
