-- What a transaction may see: the settings that libs/db sets inside it, read by the policies of every table.
-- Bodies are parsed here, once (BEGIN ATOMIC), so no search_path of a caller can redirect them.
--
-- In policies write `workspace_id = ANY ((SELECT context_workspaces())::uuid[])`: the sub-select is evaluated once
-- a statement, a bare call once a row. A setting that was never set is NULL, one set by an earlier transaction
-- of the same connection reads ''; both mean the empty set, which matches nothing.

CREATE FUNCTION context_workspaces() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT COALESCE(string_to_array(current_setting('wardenry.workspaces', true), ',')::uuid[], '{}'::uuid[]);
END;
COMMENT ON FUNCTION context_workspaces() IS 'The workspaces whose rows this transaction may touch; empty when none is set';

CREATE FUNCTION context_subjects() RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT COALESCE(string_to_array(current_setting('wardenry.subjects', true), ',')::uuid[], '{}'::uuid[]);
END;
COMMENT ON FUNCTION context_subjects() IS 'The subjects whose rows this transaction may touch; empty when none is set';

CREATE FUNCTION context_standing() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT COALESCE(current_setting('wardenry.standing', true), '');
END;
COMMENT ON FUNCTION context_standing() IS 'How the caller stands to the workspaces of the context: empty, member or administrator';

-- Who may connect is decided by CONNECT on the database; whoever may needs these to pass any policy.
GRANT EXECUTE ON FUNCTION context_workspaces(), context_subjects(), context_standing() TO PUBLIC;
