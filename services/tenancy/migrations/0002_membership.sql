-- Memberships: who belongs to a workspace, as what; and the feed of their changes.

CREATE TABLE membership (
    workspace_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    role text NOT NULL,
    epoch bigint NOT NULL,
    joined_at timestamptz NOT NULL,
    ended_at timestamptz,
    key_id uuid NOT NULL,
    key_version integer NOT NULL,
    audit_public_key bytea NOT NULL,
    contact bytea,
    CONSTRAINT membership_pkey PRIMARY KEY (workspace_id, subject_id),
    CONSTRAINT membership_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (workspace_id),
    CONSTRAINT membership_role CHECK (role IN ('owner', 'admin', 'manager', 'member')),
    CONSTRAINT membership_epoch CHECK (epoch >= 1),
    CONSTRAINT membership_key CHECK (key_version >= 1 AND length(audit_public_key) = 32),
    CONSTRAINT membership_end CHECK (ended_at IS NULL OR contact IS NULL)
);
COMMENT ON TABLE membership IS '[workspace] Who belongs to a workspace; a row stays when the membership ends, so that its epoch never goes back';
COMMENT ON COLUMN membership.workspace_id IS 'The workspace';
COMMENT ON COLUMN membership.subject_id IS 'The person or service account';
COMMENT ON COLUMN membership.role IS 'owner, admin, manager or member; the last one when it has ended';
COMMENT ON COLUMN membership.epoch IS 'Raised by every change; tokens of a lower one are void';
COMMENT ON COLUMN membership.joined_at IS 'Since when, the last time';
COMMENT ON COLUMN membership.ended_at IS 'When it ended; null while it lasts';
COMMENT ON COLUMN membership.key_id IS 'Data key of (subject, workspace)';
COMMENT ON COLUMN membership.key_version IS 'Version of that key';
COMMENT ON COLUMN membership.audit_public_key IS 'Audit''s public key derived from it: what events seal this person''s values to';
COMMENT ON COLUMN membership.contact IS 'Name and verified address, sealed under this service''s own key derived from it; null once ended';

CREATE INDEX membership_subject ON membership (subject_id, workspace_id) WHERE ended_at IS NULL;

ALTER TABLE membership ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (role, epoch, joined_at, ended_at, key_id, key_version, audit_public_key, contact)
    ON membership TO tenancy_runtime;
CREATE POLICY membership_runtime_context ON membership AS RESTRICTIVE TO tenancy_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY membership_runtime_select ON membership FOR SELECT TO tenancy_runtime
    USING ((SELECT context_standing()) IN ('member', 'administrator'));
CREATE POLICY membership_runtime_insert ON membership FOR INSERT TO tenancy_runtime
    WITH CHECK ((SELECT context_standing()) = 'administrator');
-- A member may end the own membership, and change nothing else.
CREATE POLICY membership_runtime_update ON membership FOR UPDATE TO tenancy_runtime
    USING (
        (SELECT context_standing()) = 'administrator'
        OR ((SELECT context_standing()) = 'member' AND subject_id = ANY ((SELECT context_subjects())::uuid[]))
    )
    WITH CHECK ((SELECT context_standing()) = 'administrator' OR ended_at IS NOT NULL);
GRANT SELECT (workspace_id, subject_id, ended_at) ON membership TO tenancy_lookup;
CREATE POLICY membership_lookup_select ON membership FOR SELECT TO tenancy_lookup
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]));

CREATE FUNCTION workspaces_of_subject(later_than uuid, at_most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT membership.workspace_id
      FROM membership
     WHERE membership.subject_id = ANY ((SELECT context_subjects())::uuid[])
       AND membership.ended_at IS NULL
       AND (later_than IS NULL OR membership.workspace_id > later_than)
     ORDER BY membership.workspace_id
     LIMIT at_most;
END;
COMMENT ON FUNCTION workspaces_of_subject(uuid, integer)
    IS 'The workspaces that the subject of the context is a member of, by id, later than the given one';
GRANT EXECUTE ON FUNCTION workspaces_of_subject(uuid, integer) TO tenancy_runtime;
ALTER FUNCTION workspaces_of_subject(uuid, integer) OWNER TO tenancy_lookup;

CREATE TABLE membership_change (
    workspace_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    epoch bigint NOT NULL,
    role text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT membership_change_pkey PRIMARY KEY (workspace_id, subject_id, epoch),
    CONSTRAINT membership_change_role CHECK (role IN ('', 'owner', 'admin', 'manager', 'member'))
);
COMMENT ON TABLE membership_change IS '[workspace] The feed of changes; rows live a token''s life and 30 seconds';
COMMENT ON COLUMN membership_change.workspace_id IS 'The workspace';
COMMENT ON COLUMN membership_change.subject_id IS 'The member';
COMMENT ON COLUMN membership_change.epoch IS 'The epoch from this change on';
COMMENT ON COLUMN membership_change.role IS 'The role from this change on; empty when the membership ended';
COMMENT ON COLUMN membership_change.changed_at IS 'When, by this database''s clock';
COMMENT ON COLUMN membership_change.changed_in IS 'The transaction: readers go on from the xmin of their last snapshot';

CREATE INDEX membership_change_feed ON membership_change (changed_in);
CREATE INDEX membership_change_age ON membership_change (changed_at);

ALTER TABLE membership_change ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT (workspace_id, subject_id, epoch, role) ON membership_change TO tenancy_runtime;
CREATE POLICY membership_change_runtime_context ON membership_change AS RESTRICTIVE TO tenancy_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY membership_change_runtime_insert ON membership_change FOR INSERT TO tenancy_runtime
    WITH CHECK (
        (SELECT context_standing()) = 'administrator'
        OR ((SELECT context_standing()) = 'member' AND subject_id = ANY ((SELECT context_subjects())::uuid[]))
    );
GRANT SELECT, DELETE ON membership_change TO tenancy_jobs;
CREATE POLICY membership_change_jobs_select ON membership_change FOR SELECT TO tenancy_jobs USING (true);
CREATE POLICY membership_change_jobs_delete ON membership_change FOR DELETE TO tenancy_jobs
    USING (changed_at < now() - interval '15 minutes 30 seconds');
