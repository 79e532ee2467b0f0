-- What destroyed keys leave in the vault's files, and until when: PostgreSQL keeps dead rows until the table is rewritten, and
-- the WAL that wrote them until it is removed.

CREATE TABLE destruction (
    destruction_id bigint GENERATED ALWAYS AS IDENTITY,
    destroyed_at timestamptz NOT NULL,
    rewritten_at timestamptz,
    wal_end pg_lsn,
    gone_at timestamptz,
    CONSTRAINT destruction_pkey PRIMARY KEY (destruction_id),
    CONSTRAINT destruction_rewritten CHECK ((rewritten_at IS NULL) = (wal_end IS NULL)),
    CONSTRAINT destruction_gone CHECK (gone_at IS NULL OR rewritten_at IS NOT NULL)
);
COMMENT ON TABLE destruction IS '[platform] One row for each transaction that destroyed keys, and when their bytes left the files; not whose keys';
COMMENT ON COLUMN destruction.destruction_id IS 'Order';
COMMENT ON COLUMN destruction.destroyed_at IS 'When the keys were destroyed';
COMMENT ON COLUMN destruction.rewritten_at IS 'When the tables were rewritten without the dead rows; null before';
COMMENT ON COLUMN destruction.wal_end IS 'WAL before this place may hold the keys';
COMMENT ON COLUMN destruction.gone_at IS 'When no file of this cluster held them any more; back-ups have a term of their own';

-- For what was destroyed before this file was there.
INSERT INTO destruction (destroyed_at) VALUES (now());

CREATE INDEX destruction_remaining ON destruction (destruction_id) WHERE gone_at IS NULL;
ALTER TABLE destruction ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT (destroyed_at) ON destruction TO vault_runtime;
CREATE POLICY destruction_insert ON destruction FOR INSERT TO vault_runtime WITH CHECK (rewritten_at IS NULL);
GRANT SELECT, UPDATE (rewritten_at, wal_end, gone_at) ON destruction TO vault_maintenance;
CREATE POLICY destruction_select ON destruction FOR SELECT TO vault_maintenance USING (true);
CREATE POLICY destruction_update ON destruction FOR UPDATE TO vault_maintenance USING (gone_at IS NULL) WITH CHECK (true);

-- It may rewrite the tables with keys, and read none of their rows.
GRANT MAINTAIN ON workspace_key, data_key TO vault_maintenance;
