-- The Merkle trees, one for each log: heads, hashes and signed checkpoints. Contents are in tables apart (0002).

CREATE TABLE tree_head (
    log_id uuid NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    frontier bytea NOT NULL,
    CONSTRAINT tree_head_pkey PRIMARY KEY (log_id),
    CONSTRAINT tree_head_size CHECK (size >= 0),
    CONSTRAINT tree_head_root CHECK (length(root) = 32),
    CONSTRAINT tree_head_frontier CHECK (length(frontier) = 32 * bit_count(int8send(size)))
) WITH (fillfactor = 50);
COMMENT ON TABLE tree_head IS '[workspace] Where each log''s tree stands; appending moves it by compare-and-set on the size, which keeps the log dense';
COMMENT ON COLUMN tree_head.log_id IS 'The log: a workspace, or the platform';
COMMENT ON COLUMN tree_head.size IS 'Number of entries';
COMMENT ON COLUMN tree_head.root IS 'RFC 6962 root over them';
COMMENT ON COLUMN tree_head.frontier IS 'Hashes of the complete subtrees at the right edge, the largest first, 32 bytes each';

ALTER TABLE tree_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (size, root, frontier) ON tree_head TO audit_runtime;
CREATE POLICY tree_head_runtime_context ON tree_head AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY tree_head_runtime_select ON tree_head FOR SELECT TO audit_runtime USING (true);
-- A tree begins empty, and grows.
CREATE POLICY tree_head_runtime_insert ON tree_head FOR INSERT TO audit_runtime WITH CHECK (size = 0);
CREATE POLICY tree_head_runtime_update ON tree_head FOR UPDATE TO audit_runtime USING (true) WITH CHECK (true);

CREATE TABLE hash_run (
    log_id uuid NOT NULL,
    level smallint NOT NULL,
    first bigint NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT hash_run_pkey PRIMARY KEY (log_id, level, first),
    CONSTRAINT hash_run_level CHECK (level BETWEEN 0 AND 7),
    CONSTRAINT hash_run_first CHECK (first >= 0),
    -- Whole hashes, at least one, not beyond the end of the tile.
    CONSTRAINT hash_run_hashes CHECK (
        length(hashes) % 32 = 0 AND length(hashes) / 32 BETWEEN 1 AND 256 - first % 256
    )
);
COMMENT ON TABLE hash_run IS '[workspace] Hashes of the trees, as tiles of C2SP tlog-tiles; each append adds its part of a tile, nothing changes';
COMMENT ON COLUMN hash_run.log_id IS 'The log';
COMMENT ON COLUMN hash_run.level IS 'Level of tiles: hashes of complete subtrees of 256^level entries';
COMMENT ON COLUMN hash_run.first IS 'Number of the first hash on its level, from 0';
COMMENT ON COLUMN hash_run.hashes IS '32 bytes each, side by side, within one tile of 256';

ALTER TABLE hash_run ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON hash_run TO audit_runtime;
CREATE POLICY hash_run_runtime_context ON hash_run AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY hash_run_runtime_select ON hash_run FOR SELECT TO audit_runtime USING (true);
CREATE POLICY hash_run_runtime_insert ON hash_run FOR INSERT TO audit_runtime WITH CHECK (true);

CREATE TABLE checkpoint (
    log_id uuid NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (log_id, size),
    CONSTRAINT checkpoint_size CHECK (size >= 0)
);
COMMENT ON TABLE checkpoint IS '[workspace] Signed checkpoints over committed trees; one for a size, for ever';
COMMENT ON COLUMN checkpoint.log_id IS 'The log';
COMMENT ON COLUMN checkpoint.size IS 'Number of entries that it covers';
COMMENT ON COLUMN checkpoint.note IS 'C2SP tlog-checkpoint, signed';
COMMENT ON COLUMN checkpoint.signed_at IS 'When it was signed';

ALTER TABLE checkpoint ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON checkpoint TO audit_runtime;
CREATE POLICY checkpoint_runtime_context ON checkpoint AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY checkpoint_runtime_select ON checkpoint FOR SELECT TO audit_runtime USING (true);
CREATE POLICY checkpoint_runtime_insert ON checkpoint FOR INSERT TO audit_runtime WITH CHECK (true);
