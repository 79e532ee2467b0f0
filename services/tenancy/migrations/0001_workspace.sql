-- Workspaces, the tenants, and the names that they have in URLs.

CREATE TABLE workspace (
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    region text NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    idle_seconds integer NOT NULL,
    absolute_seconds integer NOT NULL,
    CONSTRAINT workspace_pkey PRIMARY KEY (workspace_id),
    CONSTRAINT workspace_name CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT workspace_slug_form CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$'),
    CONSTRAINT workspace_session CHECK (idle_seconds > 0 AND absolute_seconds >= idle_seconds)
);
COMMENT ON TABLE workspace IS '[workspace] The tenants of this cell';
COMMENT ON COLUMN workspace.workspace_id IS 'Identifier, UUID version 7, chosen by who created it';
COMMENT ON COLUMN workspace.name IS 'What people call it';
COMMENT ON COLUMN workspace.slug IS 'Its part of URLs; never changes';
COMMENT ON COLUMN workspace.region IS 'The region whose stores hold its data';
COMMENT ON COLUMN workspace.created_at IS 'When it was created';
COMMENT ON COLUMN workspace.created_by IS 'The subject who created it';
COMMENT ON COLUMN workspace.idle_seconds IS 'Session policy: seconds without use after which a session ends';
COMMENT ON COLUMN workspace.absolute_seconds IS 'Session policy: seconds after which a session ends in any case';

ALTER TABLE workspace ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (name) ON workspace TO tenancy_runtime;
CREATE POLICY workspace_runtime_context ON workspace AS RESTRICTIVE TO tenancy_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
-- Whoever signs in sees the name of the workspace, before any standing in it.
CREATE POLICY workspace_runtime_select ON workspace FOR SELECT TO tenancy_runtime USING (true);
CREATE POLICY workspace_runtime_insert ON workspace FOR INSERT TO tenancy_runtime
    WITH CHECK ((SELECT context_standing()) = 'administrator' AND created_by = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY workspace_runtime_update ON workspace FOR UPDATE TO tenancy_runtime
    USING ((SELECT context_standing()) = 'administrator');
-- The mailer names the workspace in an invitation.
GRANT SELECT (workspace_id, name) ON workspace TO tenancy_jobs;
CREATE POLICY workspace_jobs_select ON workspace FOR SELECT TO tenancy_jobs USING (true);

CREATE TABLE workspace_slug (
    slug text NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT workspace_slug_pkey PRIMARY KEY (slug)
);
COMMENT ON TABLE workspace_slug IS '[claim] Makes a slug unique in the cell; read through workspace_of_slug alone';
COMMENT ON COLUMN workspace_slug.slug IS 'The slug';
COMMENT ON COLUMN workspace_slug.workspace_id IS 'The workspace that has it';

ALTER TABLE workspace_slug ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT ON workspace_slug TO tenancy_runtime;
CREATE POLICY workspace_slug_runtime_context ON workspace_slug AS RESTRICTIVE TO tenancy_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY workspace_slug_runtime_insert ON workspace_slug FOR INSERT TO tenancy_runtime
    WITH CHECK ((SELECT context_standing()) = 'administrator');
GRANT SELECT ON workspace_slug TO tenancy_lookup;
CREATE POLICY workspace_slug_lookup_select ON workspace_slug FOR SELECT TO tenancy_lookup USING (true);

CREATE FUNCTION workspace_of_slug(wanted text) RETURNS uuid
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT workspace_slug.workspace_id FROM workspace_slug WHERE workspace_slug.slug = wanted;
END;
COMMENT ON FUNCTION workspace_of_slug(text) IS 'The workspace with this slug, before a context exists; null when there is none';
GRANT EXECUTE ON FUNCTION workspace_of_slug(text) TO tenancy_runtime;
ALTER FUNCTION workspace_of_slug(text) OWNER TO tenancy_lookup;
