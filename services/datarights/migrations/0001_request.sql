-- How people use their rights: requests, and how far each has come. Every row belongs to a subject.

CREATE TABLE request (
    subject_id uuid NOT NULL,
    request_id uuid NOT NULL,
    use text NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    completed_at timestamptz,
    next_attempt_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    lease_id uuid,
    key_id uuid NOT NULL,
    key_version integer NOT NULL,
    archive_expires_at timestamptz,
    archive_fetched_at timestamptz,
    archive_removed_at timestamptz,
    CONSTRAINT request_pkey PRIMARY KEY (subject_id, request_id),
    CONSTRAINT request_use CHECK (use IN ('access', 'erasure')),
    CONSTRAINT request_time CHECK (due_at > created_at),
    CONSTRAINT request_work CHECK ((completed_at IS NULL) = (next_attempt_at IS NOT NULL)),
    CONSTRAINT request_key CHECK (key_version >= 1),
    CONSTRAINT request_archive CHECK (
        archive_expires_at IS NULL AND archive_fetched_at IS NULL AND archive_removed_at IS NULL
        OR archive_expires_at IS NOT NULL AND completed_at IS NOT NULL AND use = 'access'
    )
);
COMMENT ON TABLE request IS '[subject] Requests of people about their own data; a row stays, as evidence that the request was met';
COMMENT ON COLUMN request.subject_id IS 'Who asked, and whose data it is about';
COMMENT ON COLUMN request.request_id IS 'Identifier, UUID version 7, chosen by the caller';
COMMENT ON COLUMN request.use IS 'Which right is used: access or erasure';
COMMENT ON COLUMN request.created_at IS 'When it was made';
COMMENT ON COLUMN request.due_at IS 'By when it must be done';
COMMENT ON COLUMN request.completed_at IS 'When it was done; null while work goes on';
COMMENT ON COLUMN request.next_attempt_at IS 'When a worker may take it up; null once it is done';
COMMENT ON COLUMN request.attempts IS 'Attempts since the last step that was done';
COMMENT ON COLUMN request.lease_id IS 'The worker''s attempt that holds it; what another one does for it is not recorded';
COMMENT ON COLUMN request.key_id IS 'Data key of (subject, platform), which what is gathered is sealed under';
COMMENT ON COLUMN request.key_version IS 'Version of that key';
COMMENT ON COLUMN request.archive_expires_at IS 'Until when its archive can be fetched; null without one';
COMMENT ON COLUMN request.archive_fetched_at IS 'When the archive was fetched; once';
COMMENT ON COLUMN request.archive_removed_at IS 'When the archive left the object store';

-- A person has one of a kind under way.
CREATE UNIQUE INDEX request_running ON request (subject_id, use) WHERE completed_at IS NULL;
CREATE INDEX request_due ON request (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX request_removal ON request (archive_expires_at) WHERE archive_expires_at IS NOT NULL AND archive_removed_at IS NULL;

ALTER TABLE request ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY request_context ON request AS RESTRICTIVE TO datarights_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT SELECT,
      INSERT (subject_id, request_id, use, created_at, due_at, next_attempt_at, key_id, key_version),
      UPDATE (completed_at, next_attempt_at, attempts, lease_id, archive_expires_at, archive_fetched_at)
    ON request TO datarights_runtime;
CREATE POLICY request_runtime_select ON request FOR SELECT TO datarights_runtime USING (true);
CREATE POLICY request_runtime_insert ON request FOR INSERT TO datarights_runtime WITH CHECK (completed_at IS NULL);
CREATE POLICY request_runtime_update ON request FOR UPDATE TO datarights_runtime USING (true) WITH CHECK (true);
-- Workers: who is due, and which archives are over.
GRANT SELECT (subject_id, request_id, next_attempt_at, attempts, lease_id, archive_expires_at, archive_fetched_at,
              archive_removed_at),
      UPDATE (next_attempt_at, attempts, lease_id, archive_removed_at)
    ON request TO datarights_jobs;
CREATE POLICY request_jobs_select ON request FOR SELECT TO datarights_jobs USING (true);
CREATE POLICY request_jobs_update ON request FOR UPDATE TO datarights_jobs
    USING (next_attempt_at IS NOT NULL OR archive_expires_at IS NOT NULL) WITH CHECK (true);

CREATE TABLE request_step (
    subject_id uuid NOT NULL,
    request_id uuid NOT NULL,
    step text NOT NULL,
    done_at timestamptz NOT NULL,
    CONSTRAINT request_step_pkey PRIMARY KEY (subject_id, request_id, step),
    CONSTRAINT request_step_request FOREIGN KEY (subject_id, request_id) REFERENCES request (subject_id, request_id)
);
COMMENT ON TABLE request_step IS '[subject] Steps of requests that are done; what is not here is done, or done again, by the next attempt';
COMMENT ON COLUMN request_step.subject_id IS 'Who asked';
COMMENT ON COLUMN request_step.request_id IS 'The request';
COMMENT ON COLUMN request_step.step IS 'What was done: gather or erase at a service, and the like';
COMMENT ON COLUMN request_step.done_at IS 'When it was done';

ALTER TABLE request_step ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY request_step_context ON request_step AS RESTRICTIVE TO datarights_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT SELECT, INSERT ON request_step TO datarights_runtime;
CREATE POLICY request_step_runtime_select ON request_step FOR SELECT TO datarights_runtime USING (true);
CREATE POLICY request_step_runtime_insert ON request_step FOR INSERT TO datarights_runtime WITH CHECK (true);
