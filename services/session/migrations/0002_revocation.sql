-- What validators must refuse: read by the feed, forgotten once no token that it concerns can live.

CREATE TABLE revocation (
    subject_id uuid NOT NULL,
    revocation_id uuid NOT NULL,
    session_id uuid,
    epoch bigint,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    revoked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT revocation_pkey PRIMARY KEY (subject_id, revocation_id),
    CONSTRAINT revocation_matter CHECK (num_nonnulls(session_id, epoch) = 1)
);
COMMENT ON TABLE revocation IS '[subject] Sessions and epochs that access tokens may still name and must be refused by';
COMMENT ON COLUMN revocation.subject_id IS 'Whose tokens are refused';
COMMENT ON COLUMN revocation.revocation_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN revocation.session_id IS 'The session that ended; null for an epoch';
COMMENT ON COLUMN revocation.epoch IS 'The subject''s least valid epoch; null for a session';
COMMENT ON COLUMN revocation.transaction_id IS 'Transaction that wrote it. The feed reads from the least one that was open at its last read, so a late committer is not missed';
COMMENT ON COLUMN revocation.revoked_at IS 'When, by this database''s clock';

CREATE INDEX revocation_transaction ON revocation (transaction_id);

ALTER TABLE revocation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY revocation_context ON revocation AS RESTRICTIVE TO session_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT INSERT (subject_id, revocation_id, session_id, epoch) ON revocation TO session_runtime;
CREATE POLICY revocation_runtime_insert ON revocation FOR INSERT TO session_runtime WITH CHECK (true);

-- The feed and its broom, across subjects.
GRANT SELECT, DELETE ON revocation TO session_jobs;
CREATE POLICY revocation_jobs_select ON revocation FOR SELECT TO session_jobs USING (true);
CREATE POLICY revocation_jobs_delete ON revocation FOR DELETE TO session_jobs USING (true);
