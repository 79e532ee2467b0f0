-- Mail on its way out, written in the transaction of what it tells, and what was destroyed in the vault.

CREATE TABLE outgoing_mail (
    mail_id uuid NOT NULL,
    content bytea NOT NULL,
    data_key_id uuid NOT NULL,
    data_key_version integer NOT NULL,
    expires_at timestamptz NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    CONSTRAINT outgoing_mail_pkey PRIMARY KEY (mail_id)
);
COMMENT ON TABLE outgoing_mail IS '[queue] Mail to hand to the mail server; a row goes when it was accepted or has expired';
COMMENT ON COLUMN outgoing_mail.mail_id IS 'Identifier, UUID version 7';
COMMENT ON COLUMN outgoing_mail.content IS 'Recipient, subject and text; sealed under the visitor key of (platform, day)';
COMMENT ON COLUMN outgoing_mail.data_key_id IS 'That visitor key';
COMMENT ON COLUMN outgoing_mail.data_key_version IS 'Its version';
COMMENT ON COLUMN outgoing_mail.expires_at IS 'From when on it is of no use to anybody';
COMMENT ON COLUMN outgoing_mail.attempts IS 'How often it was tried';
COMMENT ON COLUMN outgoing_mail.next_attempt_at IS 'When it is tried next';

CREATE INDEX outgoing_mail_due ON outgoing_mail (next_attempt_at);
ALTER TABLE outgoing_mail ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT (mail_id, content, data_key_id, data_key_version, expires_at, next_attempt_at) ON outgoing_mail
    TO identity_runtime;
CREATE POLICY outgoing_mail_insert ON outgoing_mail FOR INSERT TO identity_runtime WITH CHECK (attempts = 0);
GRANT SELECT, DELETE, UPDATE (attempts, next_attempt_at) ON outgoing_mail TO identity_jobs;
CREATE POLICY outgoing_mail_jobs_select ON outgoing_mail FOR SELECT TO identity_jobs USING (true);
CREATE POLICY outgoing_mail_jobs_update ON outgoing_mail FOR UPDATE TO identity_jobs USING (true) WITH CHECK (true);
CREATE POLICY outgoing_mail_jobs_delete ON outgoing_mail FOR DELETE TO identity_jobs USING (true);

CREATE TABLE key_destruction (
    destruction_id bytea NOT NULL,
    destroyed_at timestamptz NOT NULL,
    CONSTRAINT key_destruction_pkey PRIMARY KEY (destruction_id),
    CONSTRAINT key_destruction_id CHECK (octet_length(destruction_id) = 32)
);
COMMENT ON TABLE key_destruction IS '[platform] Destructions in the vault that are in the audit log, so that repeating one reports it once';
COMMENT ON COLUMN key_destruction.destruction_id IS 'SHA-256 of what was destroyed: subject and workspace, framed';
COMMENT ON COLUMN key_destruction.destroyed_at IS 'When it was reported';

ALTER TABLE key_destruction ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT INSERT ON key_destruction TO identity_runtime;
CREATE POLICY key_destruction_insert ON key_destruction FOR INSERT TO identity_runtime WITH CHECK (true);
