-- What products recorded, so that a repeated call is told from another one under the same id.

CREATE TABLE record_receipt (
    workspace_id uuid NOT NULL,
    event_id uuid NOT NULL,
    digest bytea NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT record_receipt_pkey PRIMARY KEY (workspace_id, event_id),
    CONSTRAINT record_receipt_digest CHECK (length(digest) = 32)
);
COMMENT ON TABLE record_receipt IS '[workspace] Acknowledged calls of RecordService';
COMMENT ON COLUMN record_receipt.workspace_id IS 'The workspace of the token';
COMMENT ON COLUMN record_receipt.event_id IS 'Identifier that the caller chose, UUID version 7';
COMMENT ON COLUMN record_receipt.digest IS 'SHA-256 over caller, person and request';
COMMENT ON COLUMN record_receipt.received_at IS 'When it was acknowledged';

ALTER TABLE record_receipt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON record_receipt TO audit_runtime;
CREATE POLICY record_receipt_runtime_context ON record_receipt AS RESTRICTIVE TO audit_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY record_receipt_runtime_select ON record_receipt FOR SELECT TO audit_runtime USING (true);
CREATE POLICY record_receipt_runtime_insert ON record_receipt FOR INSERT TO audit_runtime WITH CHECK (true);
