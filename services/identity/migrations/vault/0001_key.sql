-- The vault: wrapped keys and nothing else. No row ever goes: what was destroyed stays as a tombstone, so that it is never
-- created again.

CREATE TABLE workspace_key (
    workspace_id uuid NOT NULL,
    version integer NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT workspace_key_pkey PRIMARY KEY (workspace_id),
    CONSTRAINT workspace_key_version CHECK (version >= 1),
    CONSTRAINT workspace_key_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE workspace_key IS '[workspace] The key that wraps the data keys of one workspace';
COMMENT ON COLUMN workspace_key.workspace_id IS 'The workspace, or the platform';
COMMENT ON COLUMN workspace_key.version IS 'Version of the key, from 1';
COMMENT ON COLUMN workspace_key.wrapped IS 'The key, wrapped by the region''s key at the key provider; null once destroyed';
COMMENT ON COLUMN workspace_key.created_at IS 'When it was drawn';
COMMENT ON COLUMN workspace_key.destroyed_at IS 'When it was destroyed, and every data key of the workspace with it';

ALTER TABLE workspace_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (wrapped, destroyed_at) ON workspace_key TO vault_runtime;
CREATE POLICY workspace_key_context ON workspace_key AS RESTRICTIVE TO vault_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]))
    WITH CHECK (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY workspace_key_select ON workspace_key FOR SELECT TO vault_runtime USING (true);
CREATE POLICY workspace_key_insert ON workspace_key FOR INSERT TO vault_runtime WITH CHECK (true);
CREATE POLICY workspace_key_update ON workspace_key FOR UPDATE TO vault_runtime USING (true) WITH CHECK (true);

CREATE TABLE data_subject (
    subject_id uuid NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT data_subject_pkey PRIMARY KEY (subject_id)
);
COMMENT ON TABLE data_subject IS '[subject] Everybody who has or had a data key; the row is the lock between creating and destroying';
COMMENT ON COLUMN data_subject.subject_id IS 'The person';
COMMENT ON COLUMN data_subject.destroyed_at IS 'When the person''s keys were destroyed everywhere: none is created again, in any workspace';

ALTER TABLE data_subject ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (destroyed_at) ON data_subject TO vault_runtime;
CREATE POLICY data_subject_own ON data_subject AS RESTRICTIVE TO vault_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY data_subject_select ON data_subject FOR SELECT TO vault_runtime USING (true);
CREATE POLICY data_subject_insert ON data_subject FOR INSERT TO vault_runtime WITH CHECK (true);
CREATE POLICY data_subject_update ON data_subject FOR UPDATE TO vault_runtime USING (true) WITH CHECK (true);

CREATE TABLE data_key (
    workspace_id uuid NOT NULL,
    data_key_id uuid NOT NULL,
    kind text NOT NULL,
    owner_id uuid NOT NULL,
    day date,
    version integer NOT NULL,
    wrapped bytea,
    adopted_by uuid,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT data_key_pkey PRIMARY KEY (workspace_id, data_key_id),
    CONSTRAINT data_key_owner UNIQUE NULLS NOT DISTINCT (workspace_id, kind, owner_id, day),
    CONSTRAINT data_key_workspace FOREIGN KEY (workspace_id) REFERENCES workspace_key (workspace_id),
    CONSTRAINT data_key_kind CHECK (kind IN ('subject', 'invitation', 'visitor')),
    CONSTRAINT data_key_day CHECK ((day IS NOT NULL) = (kind = 'visitor')),
    CONSTRAINT data_key_version CHECK (version >= 1),
    CONSTRAINT data_key_adopted CHECK (adopted_by IS NULL OR kind = 'invitation'),
    CONSTRAINT data_key_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE data_key IS '[workspace] Keys that personal data is sealed under, through what readers derive from them';
COMMENT ON COLUMN data_key.workspace_id IS 'The workspace, or the platform; for visitors the log';
COMMENT ON COLUMN data_key.data_key_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN data_key.kind IS 'Whose it is: subject, invitation or visitor';
COMMENT ON COLUMN data_key.owner_id IS 'The subject, the invitation, or for visitors the log';
COMMENT ON COLUMN data_key.day IS 'The visitors'' day, UTC; null for the others';
COMMENT ON COLUMN data_key.version IS 'Version of the key, from 1';
COMMENT ON COLUMN data_key.wrapped IS 'The key, sealed under the workspace''s key; null once destroyed';
COMMENT ON COLUMN data_key.adopted_by IS 'The subject that accepted the invitation: destroyed with the subject''s own key';
COMMENT ON COLUMN data_key.created_at IS 'When it was drawn';
COMMENT ON COLUMN data_key.destroyed_at IS 'When it was destroyed; nothing that it sealed can be read after';

CREATE INDEX data_key_by_id ON data_key (data_key_id);
CREATE INDEX data_key_by_subject ON data_key (owner_id) WHERE kind = 'subject';
CREATE INDEX data_key_by_adopter ON data_key (adopted_by) WHERE adopted_by IS NOT NULL;

ALTER TABLE data_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (wrapped, adopted_by, destroyed_at) ON data_key TO vault_runtime;
CREATE POLICY data_key_context ON data_key AS RESTRICTIVE TO vault_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]))
    WITH CHECK (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY data_key_select ON data_key FOR SELECT TO vault_runtime USING (true);
CREATE POLICY data_key_insert ON data_key FOR INSERT TO vault_runtime WITH CHECK (true);
CREATE POLICY data_key_update ON data_key FOR UPDATE TO vault_runtime USING (true) WITH CHECK (true);
GRANT SELECT (workspace_id, data_key_id, kind, owner_id, adopted_by) ON data_key TO vault_lookup;
CREATE POLICY data_key_lookup ON data_key FOR SELECT TO vault_lookup USING (true);

-- Look-ups before a context exists: a reference names the key alone, and an erasure the person alone.
CREATE FUNCTION find_data_keys(ids uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT k.workspace_id FROM data_key AS k WHERE k.data_key_id = ANY (ids);
END;
COMMENT ON FUNCTION find_data_keys(uuid[]) IS 'The workspaces that these data keys belong to';
GRANT EXECUTE ON FUNCTION find_data_keys(uuid[]) TO vault_runtime;
ALTER FUNCTION find_data_keys(uuid[]) OWNER TO vault_lookup;

CREATE FUNCTION find_workspaces_of_subject(subject uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT k.workspace_id FROM data_key AS k WHERE k.kind = 'subject' AND k.owner_id = subject
    UNION
    SELECT k.workspace_id FROM data_key AS k WHERE k.adopted_by = subject;
END;
COMMENT ON FUNCTION find_workspaces_of_subject(uuid) IS 'The workspaces in which a person has a data key, or adopted an invitation''s';
GRANT EXECUTE ON FUNCTION find_workspaces_of_subject(uuid) TO vault_runtime;
ALTER FUNCTION find_workspaces_of_subject(uuid) OWNER TO vault_lookup;
