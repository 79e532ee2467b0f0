-- People: who they are, how they are reached, what they sign in with. Every key starts with the subject.

CREATE TABLE subject (
    subject_id uuid NOT NULL,
    epoch bigint NOT NULL,
    created_at timestamptz NOT NULL,
    display_name bytea NOT NULL,
    data_key_id uuid NOT NULL,
    data_key_version integer NOT NULL,
    audit_public_key bytea NOT NULL,
    CONSTRAINT subject_pkey PRIMARY KEY (subject_id),
    CONSTRAINT subject_epoch CHECK (epoch >= 1),
    CONSTRAINT subject_data_key_version CHECK (data_key_version >= 1),
    CONSTRAINT subject_audit_public_key CHECK (octet_length(audit_public_key) = 32)
);
COMMENT ON TABLE subject IS '[subject] People whose address is verified';
COMMENT ON COLUMN subject.subject_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN subject.epoch IS 'Tickets and tokens of a lower epoch are void; rises when a credential is taken away';
COMMENT ON COLUMN subject.created_at IS 'When the first address was verified';
COMMENT ON COLUMN subject.display_name IS 'What the person wants to be called; sealed, field subject.display_name';
COMMENT ON COLUMN subject.data_key_id IS 'Data key of (subject, platform), which this subject''s values are sealed under';
COMMENT ON COLUMN subject.data_key_version IS 'Version of that data key';
COMMENT ON COLUMN subject.audit_public_key IS 'X25519 public key derived from that data key for audit: what events seal this person''s values to';

ALTER TABLE subject ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (epoch) ON subject TO identity_runtime;
CREATE POLICY subject_own ON subject AS RESTRICTIVE TO identity_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY subject_select ON subject FOR SELECT TO identity_runtime USING (true);
CREATE POLICY subject_insert ON subject FOR INSERT TO identity_runtime WITH CHECK (true);
CREATE POLICY subject_update ON subject FOR UPDATE TO identity_runtime USING (true) WITH CHECK (true);

CREATE TABLE address (
    subject_id uuid NOT NULL,
    address_id uuid NOT NULL,
    value bytea NOT NULL,
    verified_at timestamptz NOT NULL,
    CONSTRAINT address_pkey PRIMARY KEY (subject_id, address_id),
    CONSTRAINT address_subject FOREIGN KEY (subject_id) REFERENCES subject (subject_id)
);
COMMENT ON TABLE address IS '[subject] Verified e-mail addresses';
COMMENT ON COLUMN address.subject_id IS 'Whose address';
COMMENT ON COLUMN address.address_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN address.value IS 'The normalised address; sealed under the subject''s data key, field address.value';
COMMENT ON COLUMN address.verified_at IS 'When its owner proved to read its mail';

ALTER TABLE address ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON address TO identity_runtime;
CREATE POLICY address_own ON address AS RESTRICTIVE TO identity_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY address_select ON address FOR SELECT TO identity_runtime USING (true);
CREATE POLICY address_insert ON address FOR INSERT TO identity_runtime WITH CHECK (true);

CREATE TABLE address_claim (
    address_tag bytea NOT NULL,
    subject_id uuid NOT NULL,
    address_id uuid NOT NULL,
    CONSTRAINT address_claim_pkey PRIMARY KEY (address_tag),
    CONSTRAINT address_claim_address FOREIGN KEY (subject_id, address_id) REFERENCES address (subject_id, address_id),
    CONSTRAINT address_claim_tag CHECK (octet_length(address_tag) = 32)
);
COMMENT ON TABLE address_claim IS '[claim] Makes a verified address one subject''s; read by find_account alone';
COMMENT ON COLUMN address_claim.address_tag IS 'Blind index of the normalised address, column address.value';
COMMENT ON COLUMN address_claim.subject_id IS 'Whose address';
COMMENT ON COLUMN address_claim.address_id IS 'Which of the subject''s addresses';

ALTER TABLE address_claim ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT ON address_claim TO identity_runtime;
CREATE POLICY address_claim_own ON address_claim AS RESTRICTIVE TO identity_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY address_claim_insert ON address_claim FOR INSERT TO identity_runtime WITH CHECK (true);
GRANT SELECT (address_tag, subject_id) ON address_claim TO identity_lookup;
CREATE POLICY address_claim_lookup ON address_claim FOR SELECT TO identity_lookup USING (true);

CREATE TABLE password (
    subject_id uuid NOT NULL,
    hash text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT password_pkey PRIMARY KEY (subject_id),
    CONSTRAINT password_subject FOREIGN KEY (subject_id) REFERENCES subject (subject_id),
    CONSTRAINT password_hash CHECK (hash LIKE '$2b$__$%' AND length(hash) = 60)
);
COMMENT ON TABLE password IS '[subject] One password for each subject';
COMMENT ON COLUMN password.subject_id IS 'Whose password';
COMMENT ON COLUMN password.hash IS 'bcrypt over base64(HMAC-SHA-256(pepper, NFC of the password)), with its own work factor';
COMMENT ON COLUMN password.changed_at IS 'When the password was chosen; a new hash of the same password leaves it';

ALTER TABLE password ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (hash, changed_at) ON password TO identity_runtime;
CREATE POLICY password_own ON password AS RESTRICTIVE TO identity_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY password_select ON password FOR SELECT TO identity_runtime USING (true);
CREATE POLICY password_insert ON password FOR INSERT TO identity_runtime WITH CHECK (true);
CREATE POLICY password_update ON password FOR UPDATE TO identity_runtime USING (true) WITH CHECK (true);

CREATE TABLE device (
    subject_id uuid NOT NULL,
    device_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    remembered_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT device_pkey PRIMARY KEY (subject_id, device_id),
    CONSTRAINT device_token UNIQUE (subject_id, token_hash),
    CONSTRAINT device_subject FOREIGN KEY (subject_id) REFERENCES subject (subject_id),
    CONSTRAINT device_token_hash CHECK (octet_length(token_hash) = 32)
);
COMMENT ON TABLE device IS '[subject] Browsers that a subject has signed in with: each has its own allowance of failures';
COMMENT ON COLUMN device.subject_id IS 'Who signed in';
COMMENT ON COLUMN device.device_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN device.token_hash IS 'SHA-256 of the 32 random bytes in the browser''s device cookie';
COMMENT ON COLUMN device.remembered_at IS 'When the first sign-in succeeded';
COMMENT ON COLUMN device.expires_at IS 'From when on the browser is a stranger again';

CREATE INDEX device_expiry ON device (expires_at);
ALTER TABLE device ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON device TO identity_runtime;
CREATE POLICY device_own ON device AS RESTRICTIVE TO identity_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY device_select ON device FOR SELECT TO identity_runtime USING (true);
CREATE POLICY device_insert ON device FOR INSERT TO identity_runtime WITH CHECK (true);
GRANT SELECT (subject_id, device_id, token_hash, expires_at) ON device TO identity_lookup;
CREATE POLICY device_lookup ON device FOR SELECT TO identity_lookup USING (true);
GRANT SELECT (expires_at), DELETE ON device TO identity_jobs;
CREATE POLICY device_jobs_select ON device FOR SELECT TO identity_jobs USING (true);
CREATE POLICY device_jobs_delete ON device FOR DELETE TO identity_jobs USING (expires_at <= now());

-- Look-up before a context exists: from what a person types, and what the browser holds, to ids.
CREATE FUNCTION find_account(tag bytea, device_token_hash bytea, at timestamptz)
RETURNS TABLE (subject_id uuid, device_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT c.subject_id, d.device_id
    FROM address_claim AS c
    LEFT JOIN device AS d
        ON d.subject_id = c.subject_id AND d.token_hash = device_token_hash AND d.expires_at > at
    WHERE c.address_tag = tag;
END;
COMMENT ON FUNCTION find_account(bytea, bytea, timestamptz) IS
    'The subject that holds an address, and its known device with this token';
GRANT EXECUTE ON FUNCTION find_account(bytea, bytea, timestamptz) TO identity_runtime;
ALTER FUNCTION find_account(bytea, bytea, timestamptz) OWNER TO identity_lookup;
