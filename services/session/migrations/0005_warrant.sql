-- What people authorized datarights to do with their data; warrants are signed for these requests and for no others.

CREATE TABLE warrant (
    subject_id uuid NOT NULL,
    request_id uuid NOT NULL,
    use text NOT NULL,
    authorized_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT warrant_pkey PRIMARY KEY (subject_id, request_id),
    CONSTRAINT warrant_use CHECK (use IN ('access', 'rectification', 'erasure'))
);
COMMENT ON TABLE warrant IS '[subject] Requests that a person authorized by a fresh authentication; rows live 30 days, the time that a request may take';
COMMENT ON COLUMN warrant.subject_id IS 'Whose data the request is about';
COMMENT ON COLUMN warrant.request_id IS 'The request, as datarights knows it: the claim rid';
COMMENT ON COLUMN warrant.use IS 'The right that it uses: the claim right';
COMMENT ON COLUMN warrant.authorized_at IS 'When the person authorized it';

ALTER TABLE warrant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY warrant_context ON warrant AS RESTRICTIVE TO session_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT SELECT, INSERT (subject_id, request_id, use) ON warrant TO session_runtime;
CREATE POLICY warrant_runtime_select ON warrant FOR SELECT TO session_runtime USING (true);
CREATE POLICY warrant_runtime_insert ON warrant FOR INSERT TO session_runtime WITH CHECK (true);

CREATE INDEX warrant_age ON warrant (authorized_at);
GRANT SELECT (authorized_at), DELETE ON warrant TO session_jobs;
CREATE POLICY warrant_jobs_select ON warrant FOR SELECT TO session_jobs USING (true);
CREATE POLICY warrant_jobs_delete ON warrant FOR DELETE TO session_jobs USING (authorized_at < now() - interval '30 days');

-- Erasure removes a person's sessions and grants; the subject's epoch stays, so that nothing of theirs is good again.
GRANT DELETE ON session, session_grant TO session_runtime;
CREATE POLICY session_runtime_delete ON session FOR DELETE TO session_runtime USING (ended_at IS NOT NULL);
CREATE POLICY session_grant_runtime_delete ON session_grant FOR DELETE TO session_runtime USING (
    EXISTS (
        SELECT FROM session
        WHERE session.subject_id = session_grant.subject_id AND session.session_id = session_grant.session_id
        AND session.ended_at IS NOT NULL
    )
);
