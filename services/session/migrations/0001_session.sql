-- Who is signed in with what: subjects' epochs, sessions, grants. Every row belongs to a subject.
-- Locks are taken in one order everywhere: subject, then sessions in key order, then grants in key order.

CREATE TABLE subject (
    subject_id uuid NOT NULL,
    epoch bigint NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subject_pkey PRIMARY KEY (subject_id),
    CONSTRAINT subject_epoch CHECK (epoch >= 0)
);
COMMENT ON TABLE subject IS '[subject] The least valid epoch of each subject that has ever signed in or been ended here';
COMMENT ON COLUMN subject.subject_id IS 'The subject, as identity knows it';
COMMENT ON COLUMN subject.epoch IS 'Tokens and tickets of a lower epoch are void; never falls';
COMMENT ON COLUMN subject.raised_at IS 'When the epoch rose last, or was first heard of';

ALTER TABLE subject ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY subject_context ON subject AS RESTRICTIVE TO session_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT SELECT, INSERT, UPDATE (epoch, raised_at) ON subject TO session_runtime;
CREATE POLICY subject_runtime_select ON subject FOR SELECT TO session_runtime USING (true);
CREATE POLICY subject_runtime_insert ON subject FOR INSERT TO session_runtime WITH CHECK (true);
CREATE POLICY subject_runtime_update ON subject FOR UPDATE TO session_runtime USING (true) WITH CHECK (true);

CREATE TABLE session (
    subject_id uuid NOT NULL,
    session_id uuid NOT NULL,
    subject_epoch bigint NOT NULL,
    client_id text NOT NULL,
    amr text[] NOT NULL,
    acr text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    audit_key_id uuid NOT NULL,
    audit_key_version integer NOT NULL,
    audit_key bytea NOT NULL,
    ip_address_sealed bytea NOT NULL,
    user_agent_sealed bytea NOT NULL,
    country text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text,
    CONSTRAINT session_pkey PRIMARY KEY (subject_id, session_id),
    CONSTRAINT session_subject_fkey FOREIGN KEY (subject_id) REFERENCES subject (subject_id),
    CONSTRAINT session_end CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT session_country CHECK (country ~ '^([A-Z]{2})?$'),
    CONSTRAINT session_audit_key CHECK (octet_length(audit_key) = 32)
);
COMMENT ON TABLE session IS '[subject] What a person is signed in with, from one sign-in to sign-out, revocation or expiry';
COMMENT ON COLUMN session.subject_id IS 'Whose session it is';
COMMENT ON COLUMN session.session_id IS 'Identifier, UUID version 7 chosen by the caller: the claim sid';
COMMENT ON COLUMN session.subject_epoch IS 'The subject''s epoch that the session is good for: the claim sep';
COMMENT ON COLUMN session.client_id IS 'OAuth client that the session was begun at';
COMMENT ON COLUMN session.amr IS 'Authentication methods (RFC 8176)';
COMMENT ON COLUMN session.acr IS 'Authentication context class: aal1 or aal2';
COMMENT ON COLUMN session.authenticated_at IS 'When the person authenticated: the claim auth_time';
COMMENT ON COLUMN session.audit_key_id IS 'The data key of (subject, platform): audit''s public key and session''s own reading key derive from it';
COMMENT ON COLUMN session.audit_key_version IS 'Version of that data key';
COMMENT ON COLUMN session.audit_key IS 'Audit''s X25519 public key for (subject, platform); no secret';
COMMENT ON COLUMN session.ip_address_sealed IS 'Address that it was begun from, AES-256-GCM under session''s own reading key';
COMMENT ON COLUMN session.user_agent_sealed IS 'User agent that it was begun with, sealed alike';
COMMENT ON COLUMN session.country IS 'ISO 3166-1 alpha-2 country of that address; empty when unknown';
COMMENT ON COLUMN session.created_at IS 'When it began';
COMMENT ON COLUMN session.expires_at IS 'Absolute time-out';
COMMENT ON COLUMN session.ended_at IS 'When it was ended; null while it lives';
COMMENT ON COLUMN session.end_reason IS 'Why it was ended, in one word';

ALTER TABLE session ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY session_context ON session AS RESTRICTIVE TO session_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT SELECT, INSERT, UPDATE (subject_epoch, ended_at, end_reason) ON session TO session_runtime;
CREATE POLICY session_runtime_select ON session FOR SELECT TO session_runtime USING (true);
CREATE POLICY session_runtime_insert ON session FOR INSERT TO session_runtime WITH CHECK (true);
CREATE POLICY session_runtime_update ON session FOR UPDATE TO session_runtime USING (true) WITH CHECK (true);

CREATE TABLE session_grant (
    subject_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    client_id text NOT NULL,
    audience text NOT NULL,
    workspace_id uuid,
    role text NOT NULL,
    membership_epoch bigint NOT NULL,
    membership_checked_at timestamptz,
    audit_key_id uuid NOT NULL,
    audit_key_version integer NOT NULL,
    audit_key bytea NOT NULL,
    device_binding bytea NOT NULL,
    seed bytea NOT NULL,
    key_version integer NOT NULL,
    counter bigint NOT NULL DEFAULT 0,
    rotated_at timestamptz NOT NULL DEFAULT now(),
    grace_uses smallint NOT NULL DEFAULT 0,
    idle_seconds integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT session_grant_pkey PRIMARY KEY (subject_id, grant_id),
    CONSTRAINT session_grant_session_fkey FOREIGN KEY (subject_id, session_id) REFERENCES session (subject_id, session_id),
    CONSTRAINT session_grant_membership CHECK ((workspace_id IS NULL) = (role = '') AND (workspace_id IS NULL) = (membership_checked_at IS NULL)),
    CONSTRAINT session_grant_seed CHECK (octet_length(seed) = 32),
    CONSTRAINT session_grant_device CHECK (octet_length(device_binding) = 32),
    CONSTRAINT session_grant_audit_key CHECK (octet_length(audit_key) = 32),
    CONSTRAINT session_grant_counter CHECK (counter >= 0 AND grace_uses >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
-- No index holds a column that a refresh changes, and half of each page is free: every refresh is a HOT update.
COMMENT ON TABLE session_grant IS '[subject] What a refresh token belongs to: a session at one client in one workspace, or in none';
COMMENT ON COLUMN session_grant.subject_id IS 'Whose grant it is';
COMMENT ON COLUMN session_grant.grant_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN session_grant.session_id IS 'The session that it ends with';
COMMENT ON COLUMN session_grant.client_id IS 'OAuth client that holds the tokens: the claim client_id';
COMMENT ON COLUMN session_grant.audience IS 'Whom the access tokens are for: the claim aud';
COMMENT ON COLUMN session_grant.workspace_id IS 'The workspace: the claim wid; null before one is chosen';
COMMENT ON COLUMN session_grant.role IS 'Role in the workspace as last heard from tenancy; empty without a workspace';
COMMENT ON COLUMN session_grant.membership_epoch IS 'The membership''s epoch, read with the role: the claim mep; 0 without a workspace';
COMMENT ON COLUMN session_grant.membership_checked_at IS 'Time in tenancy''s database of the snapshot that role and epoch were read in';
COMMENT ON COLUMN session_grant.audit_key_id IS 'The data key of (subject, workspace or platform)';
COMMENT ON COLUMN session_grant.audit_key_version IS 'Version of that data key';
COMMENT ON COLUMN session_grant.audit_key IS 'Audit''s X25519 public key for it: what events of this grant are sealed to';
COMMENT ON COLUMN session_grant.device_binding IS 'SHA-256 of the device cookie that refreshes must come with';
COMMENT ON COLUMN session_grant.seed IS 'Random half of the MAC key of its refresh tokens; the other half is the server''s';
COMMENT ON COLUMN session_grant.key_version IS 'Version of the server''s key that the current refresh token was made with';
COMMENT ON COLUMN session_grant.counter IS 'Of the current refresh token; one less is the previous one';
COMMENT ON COLUMN session_grant.rotated_at IS 'When the current refresh token came into being: last use, and start of the grace of the previous one';
COMMENT ON COLUMN session_grant.grace_uses IS 'How often the previous one was presented in its grace';
COMMENT ON COLUMN session_grant.idle_seconds IS 'Idle time-out, from rotated_at';
COMMENT ON COLUMN session_grant.created_at IS 'When it was granted';
COMMENT ON COLUMN session_grant.expires_at IS 'Absolute time-out: the earlier of the session''s and the workspace''s policy';
COMMENT ON COLUMN session_grant.ended_at IS 'When the grant ended before its session did (its membership ended, or it was replaced); null otherwise';

ALTER TABLE session_grant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY session_grant_context ON session_grant AS RESTRICTIVE TO session_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
GRANT SELECT, INSERT,
    UPDATE (role, membership_epoch, membership_checked_at, key_version, counter, rotated_at, grace_uses, ended_at)
    ON session_grant TO session_runtime;
CREATE POLICY session_grant_runtime_select ON session_grant FOR SELECT TO session_runtime USING (true);
CREATE POLICY session_grant_runtime_insert ON session_grant FOR INSERT TO session_runtime WITH CHECK (true);
CREATE POLICY session_grant_runtime_update ON session_grant FOR UPDATE TO session_runtime USING (true) WITH CHECK (true);

-- The job that forgets what is over, across subjects.
GRANT SELECT (subject_id, session_id, expires_at, ended_at), DELETE ON session TO session_jobs;
CREATE POLICY session_jobs_select ON session FOR SELECT TO session_jobs USING (true);
CREATE POLICY session_jobs_delete ON session FOR DELETE TO session_jobs
    USING (least(expires_at, ended_at) < now() - interval '1 day');
GRANT SELECT (subject_id, session_id, grant_id), DELETE ON session_grant TO session_jobs;
CREATE POLICY session_grant_jobs_select ON session_grant FOR SELECT TO session_jobs USING (true);
CREATE POLICY session_grant_jobs_delete ON session_grant FOR DELETE TO session_jobs USING (
    EXISTS (
        SELECT FROM session
        WHERE session.subject_id = session_grant.subject_id AND session.session_id = session_grant.session_id
        AND least(session.expires_at, session.ended_at) < now() - interval '1 day'
    )
);
