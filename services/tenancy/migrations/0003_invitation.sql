-- Invitations: how people come into a workspace.

CREATE TABLE invitation (
    workspace_id uuid NOT NULL,
    invitation_id uuid NOT NULL,
    role text NOT NULL,
    inviter_id uuid NOT NULL,
    address bytea NOT NULL,
    address_tag bytea NOT NULL,
    key_id uuid NOT NULL,
    key_version integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    secret_hash bytea,
    mail_due_at timestamptz,
    mail_attempts integer NOT NULL DEFAULT 0,
    mailed_at timestamptz,
    revoked_at timestamptz,
    accepted_at timestamptz,
    accepted_by uuid,
    adopted_at timestamptz,
    CONSTRAINT invitation_pkey PRIMARY KEY (workspace_id, invitation_id),
    CONSTRAINT invitation_inviter FOREIGN KEY (workspace_id, inviter_id) REFERENCES membership (workspace_id, subject_id),
    CONSTRAINT invitation_role CHECK (role IN ('owner', 'admin', 'manager', 'member')),
    CONSTRAINT invitation_address CHECK (length(address_tag) = 32),
    CONSTRAINT invitation_key CHECK (key_version >= 1),
    CONSTRAINT invitation_secret CHECK (length(secret_hash) = 32),
    CONSTRAINT invitation_life CHECK (expires_at > created_at),
    CONSTRAINT invitation_acceptance CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    CONSTRAINT invitation_end CHECK (accepted_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT invitation_spent CHECK (secret_hash IS NULL OR (accepted_at IS NULL AND revoked_at IS NULL)),
    CONSTRAINT invitation_adoption CHECK (adopted_at IS NULL OR accepted_at IS NOT NULL)
);
COMMENT ON TABLE invitation IS '[workspace] Invitations; for administrators alone';
COMMENT ON COLUMN invitation.workspace_id IS 'The workspace';
COMMENT ON COLUMN invitation.invitation_id IS 'Identifier, UUID version 7, chosen by who created it';
COMMENT ON COLUMN invitation.role IS 'The role that acceptance gives';
COMMENT ON COLUMN invitation.inviter_id IS 'The member who invited; must still be allowed to give the role at acceptance';
COMMENT ON COLUMN invitation.address IS 'Invited address, sealed under this service''s own key derived from the invitation''s';
COMMENT ON COLUMN invitation.address_tag IS 'Blind index of the normalised address: what acceptance compares';
COMMENT ON COLUMN invitation.key_id IS 'Data key of (invitation, workspace)';
COMMENT ON COLUMN invitation.key_version IS 'Version of that key';
COMMENT ON COLUMN invitation.created_at IS 'When it was created';
COMMENT ON COLUMN invitation.expires_at IS 'When it ends';
COMMENT ON COLUMN invitation.secret_hash IS 'SHA-256 of the secret in the last mail; null before it, and once spent or revoked';
COMMENT ON COLUMN invitation.mail_due_at IS 'When the mail is to be sent, or tried again; null when it is out';
COMMENT ON COLUMN invitation.mail_attempts IS 'How often it was tried';
COMMENT ON COLUMN invitation.mailed_at IS 'When the mail server took it';
COMMENT ON COLUMN invitation.revoked_at IS 'When it was revoked; null while it was not';
COMMENT ON COLUMN invitation.accepted_at IS 'When it was accepted; null while it was not';
COMMENT ON COLUMN invitation.accepted_by IS 'The subject who accepted';
COMMENT ON COLUMN invitation.adopted_at IS 'When the vault made its key a part of that subject''s; null while it is to do';

CREATE INDEX invitation_newest ON invitation (workspace_id, created_at, invitation_id);
CREATE INDEX invitation_secret ON invitation (invitation_id, secret_hash) WHERE secret_hash IS NOT NULL;
CREATE INDEX invitation_mail ON invitation (mail_due_at) WHERE mail_due_at IS NOT NULL;
CREATE INDEX invitation_adoption ON invitation (accepted_at) WHERE accepted_at IS NOT NULL AND adopted_at IS NULL;
CREATE INDEX invitation_age ON invitation (expires_at);

ALTER TABLE invitation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (secret_hash, mail_due_at, revoked_at, accepted_at, accepted_by) ON invitation TO tenancy_runtime;
CREATE POLICY invitation_runtime_context ON invitation AS RESTRICTIVE TO tenancy_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY invitation_runtime_select ON invitation FOR SELECT TO tenancy_runtime
    USING ((SELECT context_standing()) = 'administrator');
CREATE POLICY invitation_runtime_insert ON invitation FOR INSERT TO tenancy_runtime
    WITH CHECK ((SELECT context_standing()) = 'administrator' AND inviter_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY invitation_runtime_update ON invitation FOR UPDATE TO tenancy_runtime
    USING ((SELECT context_standing()) = 'administrator');
-- Jobs: mail what is due, have keys adopted, delete what ended long ago.
GRANT SELECT (workspace_id, invitation_id, role, address, key_id, key_version, expires_at, mail_due_at, mail_attempts,
              revoked_at, accepted_at, accepted_by, adopted_at),
      UPDATE (secret_hash, mail_due_at, mail_attempts, mailed_at, adopted_at),
      DELETE
    ON invitation TO tenancy_jobs;
CREATE POLICY invitation_jobs_select ON invitation FOR SELECT TO tenancy_jobs USING (true);
CREATE POLICY invitation_jobs_update ON invitation FOR UPDATE TO tenancy_jobs USING (revoked_at IS NULL);
CREATE POLICY invitation_jobs_delete ON invitation FOR DELETE TO tenancy_jobs
    USING (expires_at < now() - interval '30 days' AND (accepted_at IS NULL OR adopted_at IS NOT NULL));
GRANT SELECT (workspace_id, invitation_id, secret_hash) ON invitation TO tenancy_lookup;
CREATE POLICY invitation_lookup_select ON invitation FOR SELECT TO tenancy_lookup USING (secret_hash IS NOT NULL);

CREATE FUNCTION workspace_of_invitation(presented uuid, presented_hash bytea) RETURNS uuid
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT invitation.workspace_id
      FROM invitation
     WHERE invitation.invitation_id = presented AND invitation.secret_hash = presented_hash;
END;
COMMENT ON FUNCTION workspace_of_invitation(uuid, bytea)
    IS 'The workspace of the invitation with this id and secret, before a context exists; null when there is none';
GRANT EXECUTE ON FUNCTION workspace_of_invitation(uuid, bytea) TO tenancy_runtime;
ALTER FUNCTION workspace_of_invitation(uuid, bytea) OWNER TO tenancy_lookup;
