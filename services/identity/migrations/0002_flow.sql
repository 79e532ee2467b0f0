-- Flows that begin before a subject is known: registrations, tickets, and what limits guessing.

CREATE TABLE registration (
    registration_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    code_tag bytea NOT NULL,
    browser_binding bytea NOT NULL,
    content bytea NOT NULL,
    data_key_id uuid NOT NULL,
    data_key_version integer NOT NULL,
    tries smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    verified_at timestamptz,
    CONSTRAINT registration_pkey PRIMARY KEY (registration_id),
    CONSTRAINT registration_tries CHECK (tries >= 0)
);
COMMENT ON TABLE registration IS '[claim] Sign-ups that belong to nobody yet: their address is not proved. Each is seen by who names it alone';
COMMENT ON COLUMN registration.registration_id IS 'Identifier, chosen by the caller';
COMMENT ON COLUMN registration.subject_id IS 'Identifier that the subject gets once the address is proved';
COMMENT ON COLUMN registration.code_tag IS 'Blind index of registration and mailed code, column registration.code';
COMMENT ON COLUMN registration.browser_binding IS 'SHA-256 of the flow cookie of the browser that asked';
COMMENT ON COLUMN registration.content IS 'Address, name and password hash; sealed under the visitor key of (platform, day)';
COMMENT ON COLUMN registration.data_key_id IS 'That visitor key';
COMMENT ON COLUMN registration.data_key_version IS 'Its version';
COMMENT ON COLUMN registration.tries IS 'Codes that were tried';
COMMENT ON COLUMN registration.created_at IS 'When the person signed up';
COMMENT ON COLUMN registration.expires_at IS 'From when on no code is accepted';
COMMENT ON COLUMN registration.verified_at IS 'When the code was spent; null until then';

CREATE INDEX registration_expiry ON registration (expires_at);
ALTER TABLE registration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (tries, verified_at) ON registration TO identity_runtime;
CREATE POLICY registration_own ON registration AS RESTRICTIVE TO identity_runtime
    USING (registration_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (registration_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY registration_select ON registration FOR SELECT TO identity_runtime USING (true);
CREATE POLICY registration_insert ON registration FOR INSERT TO identity_runtime WITH CHECK (true);
CREATE POLICY registration_update ON registration FOR UPDATE TO identity_runtime USING (true) WITH CHECK (true);
GRANT SELECT (expires_at), DELETE ON registration TO identity_jobs;
CREATE POLICY registration_jobs_select ON registration FOR SELECT TO identity_jobs USING (true);
CREATE POLICY registration_jobs_delete ON registration FOR DELETE TO identity_jobs USING (expires_at <= now());

CREATE TABLE ticket (
    subject_id uuid NOT NULL,
    ticket_hash bytea NOT NULL,
    subject_epoch bigint NOT NULL,
    browser_binding bytea NOT NULL,
    methods text[] NOT NULL,
    context_class text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    workspace_id uuid,
    registered_at timestamptz,
    expires_at timestamptz NOT NULL,
    redemption_id uuid,
    redeemed_at timestamptz,
    CONSTRAINT ticket_pkey PRIMARY KEY (subject_id, ticket_hash),
    CONSTRAINT ticket_subject FOREIGN KEY (subject_id) REFERENCES subject (subject_id),
    CONSTRAINT ticket_hash_length CHECK (octet_length(ticket_hash) = 32),
    CONSTRAINT ticket_redemption CHECK ((redemption_id IS NULL) = (redeemed_at IS NULL))
);
COMMENT ON TABLE ticket IS '[subject] What a finished authentication hands to the browser''s flow; spent by session, once';
COMMENT ON COLUMN ticket.subject_id IS 'Who authenticated';
COMMENT ON COLUMN ticket.ticket_hash IS 'SHA-256 of the 32 random bytes';
COMMENT ON COLUMN ticket.subject_epoch IS 'The subject''s epoch when the credential was read; a ticket of a lower epoch is void';
COMMENT ON COLUMN ticket.browser_binding IS 'SHA-256 of the flow cookie of the browser that authenticated';
COMMENT ON COLUMN ticket.methods IS 'Authentication methods, RFC 8176';
COMMENT ON COLUMN ticket.context_class IS 'Authentication context class: aal1 or aal2';
COMMENT ON COLUMN ticket.authenticated_at IS 'When the person authenticated';
COMMENT ON COLUMN ticket.workspace_id IS 'Workspace whose page the flow began on; null for the platform''s own';
COMMENT ON COLUMN ticket.registered_at IS 'When this very flow created the subject; null for a later sign-in';
COMMENT ON COLUMN ticket.expires_at IS 'From when on it is void, spent or not';
COMMENT ON COLUMN ticket.redemption_id IS 'The session that spent it; the same one may ask again';
COMMENT ON COLUMN ticket.redeemed_at IS 'When it was spent';

CREATE INDEX ticket_by_hash ON ticket (ticket_hash);
CREATE INDEX ticket_expiry ON ticket (expires_at);
ALTER TABLE ticket ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE (redemption_id, redeemed_at) ON ticket TO identity_runtime;
CREATE POLICY ticket_own ON ticket AS RESTRICTIVE TO identity_runtime
    USING (subject_id = ANY ((SELECT context_subjects())::uuid[]))
    WITH CHECK (subject_id = ANY ((SELECT context_subjects())::uuid[]));
CREATE POLICY ticket_select ON ticket FOR SELECT TO identity_runtime USING (true);
CREATE POLICY ticket_insert ON ticket FOR INSERT TO identity_runtime WITH CHECK (true);
CREATE POLICY ticket_update ON ticket FOR UPDATE TO identity_runtime USING (true) WITH CHECK (true);
GRANT SELECT (ticket_hash, subject_id) ON ticket TO identity_lookup;
CREATE POLICY ticket_lookup ON ticket FOR SELECT TO identity_lookup USING (true);
GRANT SELECT (expires_at), DELETE ON ticket TO identity_jobs;
CREATE POLICY ticket_jobs_select ON ticket FOR SELECT TO identity_jobs USING (true);
CREATE POLICY ticket_jobs_delete ON ticket FOR DELETE TO identity_jobs USING (expires_at <= now());

CREATE FUNCTION find_ticket(hash bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT t.subject_id FROM ticket AS t WHERE t.ticket_hash = hash;
END;
COMMENT ON FUNCTION find_ticket(bytea) IS 'The subject that a ticket belongs to';
GRANT EXECUTE ON FUNCTION find_ticket(bytea) TO identity_runtime;
ALTER FUNCTION find_ticket(bytea) OWNER TO identity_lookup;

CREATE TABLE attempt (
    account_tag bytea NOT NULL,
    allowance uuid NOT NULL,
    failures integer NOT NULL,
    series bigint NOT NULL,
    last_at timestamptz NOT NULL,
    blocked_until timestamptz,
    locked_at timestamptz,
    CONSTRAINT attempt_pkey PRIMARY KEY (account_tag, allowance),
    CONSTRAINT attempt_failures CHECK (failures >= 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE attempt IS '[claim] Failures against an account, known or not; written by the functions below alone';
COMMENT ON COLUMN attempt.account_tag IS 'Blind index of the typed address, a column for each purpose';
COMMENT ON COLUMN attempt.allowance IS 'Whose failures: a known device, the signed-in subject itself, or all zeros for strangers';
COMMENT ON COLUMN attempt.failures IS 'Attempts reserved or failed since the last success; a reserved one counts until it succeeds';
COMMENT ON COLUMN attempt.series IS 'Rises at each success: a failure reserved before it counts anew';
COMMENT ON COLUMN attempt.last_at IS 'When an attempt was last reserved or failed';
COMMENT ON COLUMN attempt.blocked_until IS 'When the next attempt is allowed; null before the first failure';
COMMENT ON COLUMN attempt.locked_at IS 'When the failures reached the lock-out; null below it';

CREATE INDEX attempt_expiry ON attempt (last_at);
ALTER TABLE attempt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON attempt TO identity_lookup;
CREATE POLICY attempt_lookup_select ON attempt FOR SELECT TO identity_lookup USING (true);
CREATE POLICY attempt_lookup_insert ON attempt FOR INSERT TO identity_lookup WITH CHECK (true);
CREATE POLICY attempt_lookup_update ON attempt FOR UPDATE TO identity_lookup USING (true) WITH CHECK (true);
GRANT SELECT (last_at), DELETE ON attempt TO identity_jobs;
CREATE POLICY attempt_jobs_select ON attempt FOR SELECT TO identity_jobs USING (true);
CREATE POLICY attempt_jobs_delete ON attempt FOR DELETE TO identity_jobs USING (last_at <= now() - interval '1 day');

-- The count is taken in the statement that checks, before anything is compared: attempts in parallel cannot pass on one count.
CREATE FUNCTION reserve_attempt(tag bytea, which uuid, at timestamptz, delays interval[])
RETURNS TABLE (reserved bigint, refused_until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    lock_out CONSTANT interval := delays[cardinality(delays)];
BEGIN
    INSERT INTO attempt AS a (account_tag, allowance, failures, series, last_at)
    VALUES (tag, which, 1, 0, at)
    ON CONFLICT (account_tag, allowance) DO UPDATE
        SET failures = CASE WHEN a.last_at + lock_out <= at THEN 1 ELSE a.failures + 1 END,
            series = CASE WHEN a.last_at + lock_out <= at THEN a.series + 1 ELSE a.series END,
            locked_at = CASE WHEN a.last_at + lock_out <= at THEN NULL ELSE a.locked_at END,
            last_at = at
        WHERE a.last_at + lock_out <= at
            OR (a.failures < cardinality(delays) AND (a.blocked_until IS NULL OR a.blocked_until <= at))
    RETURNING a.series INTO reserved;
    IF reserved IS NULL THEN
        SELECT CASE
            WHEN a.failures < cardinality(delays) THEN a.blocked_until
            ELSE a.last_at + lock_out
        END INTO refused_until
        FROM attempt AS a WHERE a.account_tag = tag AND a.allowance = which;
    END IF;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION reserve_attempt(bytea, uuid, timestamptz, interval[]) IS
    'Counts an attempt before it is made and returns its series, or the time until which none is allowed; the last delay is the lock-out';
GRANT EXECUTE ON FUNCTION reserve_attempt(bytea, uuid, timestamptz, interval[]) TO identity_runtime;
ALTER FUNCTION reserve_attempt(bytea, uuid, timestamptz, interval[]) OWNER TO identity_lookup;

CREATE FUNCTION fail_attempt(tag bytea, which uuid, reserved bigint, at timestamptz, delays interval[])
RETURNS TABLE (counted integer, locks boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    a attempt%ROWTYPE;
BEGIN
    SELECT * INTO STRICT a FROM attempt WHERE account_tag = tag AND allowance = which FOR UPDATE;
    -- A success in between has wiped this reservation away: it is counted anew.
    counted := a.failures + CASE WHEN a.series = reserved THEN 0 ELSE 1 END;
    locks := counted >= cardinality(delays) AND a.locked_at IS NULL;
    UPDATE attempt
    SET failures = counted,
        last_at = greatest(a.last_at, at),
        blocked_until = at + delays[least(counted, cardinality(delays))],
        locked_at = CASE WHEN locks THEN at ELSE a.locked_at END
    WHERE account_tag = tag AND allowance = which;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION fail_attempt(bytea, uuid, bigint, timestamptz, interval[]) IS
    'Confirms that a reserved attempt failed, and delays the next; says how many failures there are and whether this one locks';
GRANT EXECUTE ON FUNCTION fail_attempt(bytea, uuid, bigint, timestamptz, interval[]) TO identity_runtime;
ALTER FUNCTION fail_attempt(bytea, uuid, bigint, timestamptz, interval[]) OWNER TO identity_lookup;

CREATE FUNCTION clear_attempts(tag bytea, which uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE attempt SET failures = 0, series = series + 1, blocked_until = NULL, locked_at = NULL
    WHERE account_tag = tag AND allowance = which;
END;
COMMENT ON FUNCTION clear_attempts(bytea, uuid) IS 'A success: failures count from nothing again';
GRANT EXECUTE ON FUNCTION clear_attempts(bytea, uuid) TO identity_runtime;
ALTER FUNCTION clear_attempts(bytea, uuid) OWNER TO identity_lookup;
