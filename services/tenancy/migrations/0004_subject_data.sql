-- What a person may see and have removed, in all workspaces at once.

GRANT SELECT (workspace_id, accepted_by) ON invitation TO tenancy_lookup;
-- The look-up by secret needs an invitation that is not spent; a person's own are those that they accepted.
ALTER POLICY invitation_lookup_select ON invitation
    USING (secret_hash IS NOT NULL OR accepted_by = ANY ((SELECT context_subjects())::uuid[]));

CREATE FUNCTION past_workspaces_of_subject() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT membership.workspace_id
      FROM membership
     WHERE membership.subject_id = ANY ((SELECT context_subjects())::uuid[])
     ORDER BY membership.workspace_id;
END;
COMMENT ON FUNCTION past_workspaces_of_subject()
    IS 'The workspaces that the subject of the context is or was a member of, by id';
GRANT EXECUTE ON FUNCTION past_workspaces_of_subject() TO tenancy_runtime;
ALTER FUNCTION past_workspaces_of_subject() OWNER TO tenancy_lookup;

-- Erasure removes the invitations that brought the person in: they hold the address.
GRANT DELETE ON invitation TO tenancy_runtime;
CREATE POLICY invitation_runtime_delete ON invitation FOR DELETE TO tenancy_runtime
    USING ((SELECT context_standing()) = 'administrator' AND accepted_by = ANY ((SELECT context_subjects())::uuid[]));

CREATE INDEX membership_subject_past ON membership (subject_id, workspace_id);
