-- Which keys sign checkpoints, and which did: public keys alone. The private one is in a file that the service is given.

CREATE TABLE checkpoint_key (
    key text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    event_id uuid,
    CONSTRAINT checkpoint_key_pkey PRIMARY KEY (key),
    -- One is over when it signs nothing any more; when every last head of it is sent to the platform log, so is its end.
    CONSTRAINT checkpoint_key_end CHECK (event_id IS NULL OR ended_at IS NOT NULL)
);
COMMENT ON TABLE checkpoint_key IS '[platform] Public keys of the logs; no tenant data';
COMMENT ON COLUMN checkpoint_key.key IS 'C2SP signed-note verifier key';
COMMENT ON COLUMN checkpoint_key.began_at IS 'Since when it signs checkpoints';
COMMENT ON COLUMN checkpoint_key.ended_at IS 'Since when it signs nothing any more; null for the present one';
COMMENT ON COLUMN checkpoint_key.event_id IS 'The event of the platform log that says so; what it signed is good if it entered there before';

CREATE UNIQUE INDEX checkpoint_key_present ON checkpoint_key ((true)) WHERE event_id IS NULL;

ALTER TABLE checkpoint_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (ended_at, event_id) ON checkpoint_key TO audit_runtime;
CREATE POLICY checkpoint_key_runtime_select ON checkpoint_key FOR SELECT TO audit_runtime USING (true);
CREATE POLICY checkpoint_key_runtime_insert ON checkpoint_key FOR INSERT TO audit_runtime WITH CHECK (ended_at IS NULL);
-- What is over is over for ever.
CREATE POLICY checkpoint_key_runtime_update ON checkpoint_key FOR UPDATE TO audit_runtime
    USING (event_id IS NULL) WITH CHECK (ended_at IS NOT NULL);
