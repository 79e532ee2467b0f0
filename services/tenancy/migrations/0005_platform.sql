-- The platform, whose members are the operators: a workspace with a reserved id that no person created, and whose first
-- owner no member invited. The constraints that are not valid yet are validated in 0006.

-- Code of before reads these columns, and takes no part in what has none: such an invitation is invalid to it.
-- squawk-ignore ban-drop-not-null
ALTER TABLE workspace ALTER COLUMN created_by DROP NOT NULL,
    ADD CONSTRAINT workspace_creator
        CHECK ((created_by IS NULL) = (workspace_id = '00000000-0000-7000-8000-000000000000')) NOT VALID;
COMMENT ON COLUMN workspace.created_by IS 'The subject who created it; null for the platform''s own';
ALTER POLICY workspace_runtime_insert ON workspace
    WITH CHECK (
        (SELECT context_standing()) = 'administrator'
        AND (
            created_by = ANY ((SELECT context_subjects())::uuid[])
            OR (created_by IS NULL AND workspace_id = '00000000-0000-7000-8000-000000000000')
        )
    );

-- squawk-ignore ban-drop-not-null
ALTER TABLE invitation ALTER COLUMN inviter_id DROP NOT NULL,
    ADD COLUMN shown_hash bytea,
    ADD CONSTRAINT invitation_founder
        CHECK (inviter_id IS NOT NULL OR (workspace_id = '00000000-0000-7000-8000-000000000000' AND role = 'owner')) NOT VALID,
    ADD CONSTRAINT invitation_shown
        CHECK (
            shown_hash IS NULL
            OR (length(shown_hash) = 32 AND inviter_id IS NULL AND accepted_at IS NULL AND revoked_at IS NULL)
        ) NOT VALID;
COMMENT ON COLUMN invitation.inviter_id IS 'The member who invited; must still be allowed to give the role at acceptance. Null: the deployment itself, its first operator';
COMMENT ON COLUMN invitation.shown_hash IS 'SHA-256 of the secret that the operator''s command showed; null for every other invitation, and once spent or revoked';
ALTER POLICY invitation_runtime_insert ON invitation
    WITH CHECK (
        (SELECT context_standing()) = 'administrator'
        AND (
            inviter_id = ANY ((SELECT context_subjects())::uuid[])
            OR (inviter_id IS NULL AND workspace_id = '00000000-0000-7000-8000-000000000000')
        )
    );
GRANT UPDATE (shown_hash) ON invitation TO tenancy_runtime;

-- The first operator is invited once at a time.
CREATE UNIQUE INDEX invitation_founding ON invitation (workspace_id)
    WHERE inviter_id IS NULL AND accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitation_shown ON invitation (invitation_id, shown_hash) WHERE shown_hash IS NOT NULL;

GRANT SELECT (shown_hash) ON invitation TO tenancy_lookup;
ALTER POLICY invitation_lookup_select ON invitation
    USING (
        secret_hash IS NOT NULL OR shown_hash IS NOT NULL
        OR accepted_by = ANY ((SELECT context_subjects())::uuid[])
    );
-- Only who owns a function may replace it.
SET LOCAL ROLE tenancy_lookup;
CREATE OR REPLACE FUNCTION workspace_of_invitation(presented uuid, presented_hash bytea) RETURNS uuid
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT invitation.workspace_id
      FROM invitation
     WHERE (invitation.invitation_id = presented AND invitation.secret_hash = presented_hash)
        OR (invitation.invitation_id = presented AND invitation.shown_hash = presented_hash);
END;
RESET ROLE;
