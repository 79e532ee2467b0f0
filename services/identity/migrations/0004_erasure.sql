-- Erasure: what a person leaves behind is a subject that is nobody any more; and correction of a name.

ALTER TABLE subject ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN subject.erased_at IS 'When the person was erased; the row stays so that nothing of them is good again; null while they are somebody';
ALTER TABLE subject ADD CONSTRAINT subject_erased CHECK (erased_at IS NULL OR display_name = '') NOT VALID;
GRANT UPDATE (display_name, erased_at) ON subject TO identity_runtime;

GRANT DELETE ON address, password, device, ticket TO identity_runtime;
CREATE POLICY address_delete ON address FOR DELETE TO identity_runtime USING (true);
CREATE POLICY password_delete ON password FOR DELETE TO identity_runtime USING (true);
CREATE POLICY device_delete ON device FOR DELETE TO identity_runtime USING (true);
CREATE POLICY ticket_delete ON ticket FOR DELETE TO identity_runtime USING (true);
-- The address is free again: whoever proves to read its mail may register it.
GRANT SELECT (subject_id), DELETE ON address_claim TO identity_runtime;
CREATE POLICY address_claim_select ON address_claim FOR SELECT TO identity_runtime USING (true);
CREATE POLICY address_claim_delete ON address_claim FOR DELETE TO identity_runtime USING (true);
