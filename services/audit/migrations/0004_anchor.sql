-- Which heads of which logs were sent to the platform log, and the nonces that blind them there.

ALTER TABLE tree_head ADD COLUMN anchored bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT tree_head_anchored CHECK (anchored BETWEEN 0 AND size) NOT VALID;
COMMENT ON COLUMN tree_head.anchored IS 'Size of the newest checkpoint that was sent to the platform log; 0 before the first';
GRANT UPDATE (anchored) ON tree_head TO audit_runtime;
-- Finds the logs that have grown since, by their sizes alone; what is done with each is the runtime's.
GRANT SELECT (log_id, size, anchored) ON tree_head TO audit_jobs;
CREATE POLICY tree_head_jobs_select ON tree_head FOR SELECT TO audit_jobs USING (true);

CREATE TABLE anchor (
    log_id uuid NOT NULL,
    size bigint NOT NULL,
    event_id uuid NOT NULL,
    nonce bytea NOT NULL,
    anchored_at timestamptz NOT NULL,
    CONSTRAINT anchor_pkey PRIMARY KEY (log_id, size),
    CONSTRAINT anchor_checkpoint FOREIGN KEY (log_id, size) REFERENCES checkpoint (log_id, size),
    CONSTRAINT anchor_nonce CHECK (length(nonce) = 16)
);
COMMENT ON TABLE anchor IS '[workspace] Checkpoints that were sent to the platform log; who holds the nonce can show that one is there';
COMMENT ON COLUMN anchor.log_id IS 'The log whose checkpoint it is';
COMMENT ON COLUMN anchor.size IS 'Number of entries that the checkpoint covers';
COMMENT ON COLUMN anchor.event_id IS 'The event under which the blinded head enters the platform log';
COMMENT ON COLUMN anchor.nonce IS '128 random bits: without them nobody can tell whose head the entry is';
COMMENT ON COLUMN anchor.anchored_at IS 'When it was sent';

ALTER TABLE anchor ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON anchor TO audit_runtime;
CREATE POLICY anchor_runtime_context ON anchor AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY anchor_runtime_select ON anchor FOR SELECT TO audit_runtime USING (true);
CREATE POLICY anchor_runtime_insert ON anchor FOR INSERT TO audit_runtime WITH CHECK (true);
