-- Who is erased joins nothing any more: a workspace that is created, or an invitation that is accepted, while an erasure is under
-- way would be left to nobody.

CREATE TABLE erased_person (
    subject_id uuid NOT NULL,
    erased_at timestamptz NOT NULL,
    CONSTRAINT erased_person_pkey PRIMARY KEY (subject_id)
);
COMMENT ON TABLE erased_person IS '[subject] People who are erased, or being erased: they join no workspace';
COMMENT ON COLUMN erased_person.subject_id IS 'Who';
COMMENT ON COLUMN erased_person.erased_at IS 'When the erasure began';

ALTER TABLE erased_person ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE ON erased_person TO tenancy_runtime;
CREATE POLICY erased_person_runtime_context ON erased_person AS RESTRICTIVE TO tenancy_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY erased_person_runtime_select ON erased_person FOR SELECT TO tenancy_runtime USING (true);
CREATE POLICY erased_person_runtime_insert ON erased_person FOR INSERT TO tenancy_runtime WITH CHECK (true);
CREATE POLICY erased_person_runtime_delete ON erased_person FOR DELETE TO tenancy_runtime USING (true);

-- An erasure asks for every invitation of the person's address to a workspace that they were in.
CREATE INDEX invitation_address ON invitation (workspace_id, address_tag);
