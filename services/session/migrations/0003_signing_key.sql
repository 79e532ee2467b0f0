-- The keys that access tokens are signed with. Made and moved by the rotation job alone; requests read them.

CREATE TABLE signing_key (
    key_id text NOT NULL,
    state text NOT NULL,
    public_key bytea NOT NULL,
    private_key_wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    current_from timestamptz,
    retired_at timestamptz,
    CONSTRAINT signing_key_pkey PRIMARY KEY (key_id),
    CONSTRAINT signing_key_state CHECK (state IN ('next', 'current', 'retired')),
    CONSTRAINT signing_key_times CHECK (
        (current_from IS NULL) = (state = 'next') AND (retired_at IS NOT NULL) = (state = 'retired')
    ),
    CONSTRAINT signing_key_public CHECK (octet_length(public_key) = 32)
);
COMMENT ON TABLE signing_key IS '[platform] Ed25519 keys of access tokens; no tenant data';
COMMENT ON COLUMN signing_key.key_id IS 'JWK thumbprint (RFC 7638) of the public key: the header kid';
COMMENT ON COLUMN signing_key.state IS 'next: published, not used yet; current: signs; retired: verifies until its last token has ended, then is deleted';
COMMENT ON COLUMN signing_key.public_key IS 'Ed25519 public key (RFC 8032)';
COMMENT ON COLUMN signing_key.private_key_wrapped IS 'Ed25519 private key, wrapped by the key provider';
COMMENT ON COLUMN signing_key.created_at IS 'When it was made';
COMMENT ON COLUMN signing_key.current_from IS 'When it became current';
COMMENT ON COLUMN signing_key.retired_at IS 'When it was retired';

CREATE UNIQUE INDEX signing_key_next ON signing_key (state) WHERE state = 'next';
CREATE UNIQUE INDEX signing_key_current ON signing_key (state) WHERE state = 'current';

ALTER TABLE signing_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT ON signing_key TO session_runtime;
CREATE POLICY signing_key_runtime_select ON signing_key FOR SELECT TO session_runtime USING (true);
GRANT SELECT, INSERT, DELETE, UPDATE (state, current_from, retired_at) ON signing_key TO session_jobs;
CREATE POLICY signing_key_jobs_select ON signing_key FOR SELECT TO session_jobs USING (true);
CREATE POLICY signing_key_jobs_insert ON signing_key FOR INSERT TO session_jobs WITH CHECK (state <> 'retired');
CREATE POLICY signing_key_jobs_update ON signing_key FOR UPDATE TO session_jobs USING (state <> 'retired') WITH CHECK (true);
CREATE POLICY signing_key_jobs_delete ON signing_key FOR DELETE TO session_jobs USING (state = 'retired');
