-- The two round trips of a batch of refreshes, and the one of a batch of introspections.

-- Look-up: a refresh token proves itself by a MAC whose key needs the row's seed, so the row is read before there is a context.
GRANT SELECT (
    subject_id, grant_id, session_id, client_id, audience, workspace_id, role, membership_epoch, membership_checked_at,
    audit_key_id, audit_key_version, audit_key, device_binding, seed, key_version, counter, rotated_at, grace_uses,
    idle_seconds, expires_at, ended_at
) ON session_grant TO session_lookup;
CREATE POLICY session_grant_lookup_select ON session_grant FOR SELECT TO session_lookup USING (true);
GRANT SELECT (subject_id, session_id, subject_epoch, amr, acr, authenticated_at, expires_at, ended_at) ON session TO session_lookup;
CREATE POLICY session_lookup_select ON session FOR SELECT TO session_lookup USING (true);

CREATE FUNCTION find_grants(subject_ids uuid[], grant_ids uuid[]) RETURNS TABLE (
    read_at timestamptz,
    subject_id uuid,
    grant_id uuid,
    session_id uuid,
    client_id text,
    audience text,
    workspace_id uuid,
    role text,
    membership_epoch bigint,
    membership_checked_at timestamptz,
    audit_key_id uuid,
    audit_key_version integer,
    audit_key bytea,
    device_binding bytea,
    seed bytea,
    key_version integer,
    counter bigint,
    rotated_at timestamptz,
    grace_uses smallint,
    idle_seconds integer,
    expires_at timestamptz,
    ended boolean,
    amr text[],
    acr text,
    authenticated_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 64
SET search_path = ''
BEGIN ATOMIC
    SELECT
        now(), g.subject_id, g.grant_id, g.session_id, g.client_id, g.audience, g.workspace_id, g.role, g.membership_epoch,
        g.membership_checked_at, g.audit_key_id, g.audit_key_version, g.audit_key, g.device_binding, g.seed, g.key_version,
        g.counter, g.rotated_at, g.grace_uses, g.idle_seconds, least(g.expires_at, s.expires_at),
        g.ended_at IS NOT NULL OR s.ended_at IS NOT NULL, s.amr, s.acr, s.authenticated_at
    FROM unnest(subject_ids, grant_ids) AS asked (subject_id, grant_id)
    JOIN session_grant AS g ON g.subject_id = asked.subject_id AND g.grant_id = asked.grant_id
    JOIN session AS s ON s.subject_id = g.subject_id AND s.session_id = g.session_id;
END;
COMMENT ON FUNCTION find_grants(uuid[], uuid[]) IS 'Grants and what their refresh needs, by subject and grant; unknown pairs are left out';
GRANT EXECUTE ON FUNCTION find_grants(uuid[], uuid[]) TO session_runtime;
ALTER FUNCTION find_grants(uuid[], uuid[]) OWNER TO session_lookup;

-- One entry a grant. An entry applies when counter and grace_uses are what the decision was made on and nothing has ended;
-- the answer has the entries that applied. The event of an entry is written with it, or not at all.
CREATE FUNCTION rotate_grants(
    subject_ids uuid[],
    grant_ids uuid[],
    repeats boolean[],
    counters bigint[],
    grace_uses_seen smallint[],
    new_key_version integer,
    roles text[],
    membership_epochs bigint[],
    memberships_checked_at timestamptz[],
    event_ids uuid[],
    logs uuid[],
    actions text[],
    events_occurred_at timestamptz[],
    traceparents text[],
    envelopes bytea[]
) RETURNS TABLE (entry bigint, subject_epoch bigint)
LANGUAGE plpgsql SECURITY INVOKER ROWS 64
SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM
        set_config('wardenry.subjects', array_to_string(subject_ids, ','), true),
        set_config('wardenry.workspaces', '', true),
        set_config('wardenry.standing', '', true);
    -- In key order, as revocations do. The statement after it has a newer snapshot: it sees what was ended while this one waited.
    PERFORM 1
    FROM unnest(subject_ids, grant_ids) AS asked (subject_id, grant_id)
    JOIN session_grant AS g ON g.subject_id = asked.subject_id AND g.grant_id = asked.grant_id
    ORDER BY g.subject_id, g.grant_id
    FOR UPDATE OF g;
    RETURN QUERY
    WITH asked AS (
        SELECT *
        FROM unnest(
            subject_ids, grant_ids, repeats, counters, grace_uses_seen, roles, membership_epochs, memberships_checked_at,
            event_ids, logs, actions, events_occurred_at, traceparents, envelopes
        ) WITH ORDINALITY AS entry (
            subject_id, grant_id, repeated, counter, grace_uses, role, membership_epoch, membership_checked_at,
            event_id, log, action, occurred_at, traceparent, envelope, entry
        )
    ),
    moved AS (
        UPDATE session_grant AS g
        SET
            counter = CASE WHEN a.repeated THEN g.counter ELSE g.counter + 1 END,
            rotated_at = CASE WHEN a.repeated THEN g.rotated_at ELSE now() END,
            grace_uses = CASE WHEN a.repeated THEN g.grace_uses + 1 ELSE 0 END,
            key_version = CASE WHEN a.repeated THEN g.key_version ELSE new_key_version END,
            role = a.role,
            membership_epoch = a.membership_epoch,
            membership_checked_at = a.membership_checked_at
        FROM asked AS a, session AS s
        WHERE g.subject_id = a.subject_id AND g.grant_id = a.grant_id
        AND g.counter = a.counter AND g.grace_uses = a.grace_uses AND g.ended_at IS NULL
        AND s.subject_id = g.subject_id AND s.session_id = g.session_id AND s.ended_at IS NULL
        RETURNING a.entry, s.subject_epoch
    ),
    emitted AS (
        INSERT INTO outbox (event_id, log, bucket, action, occurred_at, traceparent, envelope)
        SELECT a.event_id, a.log, get_byte(sha256(uuid_send(a.log)), 7) & 63, a.action, a.occurred_at, a.traceparent, a.envelope
        FROM asked AS a JOIN moved AS m ON m.entry = a.entry
        ORDER BY a.entry
    )
    SELECT m.entry, m.subject_epoch FROM moved AS m;
END;
$$;
COMMENT ON FUNCTION rotate_grants IS 'Rotates grants, or counts a repeat in the grace, and emits the events of those that applied';
GRANT EXECUTE ON FUNCTION rotate_grants TO session_runtime;

-- One entry a token whose signature was verified.
CREATE FUNCTION judge_sessions(subject_ids uuid[], session_ids uuid[], epochs bigint[]) RETURNS TABLE (entry bigint)
LANGUAGE plpgsql SECURITY INVOKER ROWS 64
SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM
        set_config('wardenry.subjects', array_to_string(subject_ids, ','), true),
        set_config('wardenry.workspaces', '', true),
        set_config('wardenry.standing', '', true);
    RETURN QUERY
    SELECT asked.entry
    FROM unnest(subject_ids, session_ids, epochs) WITH ORDINALITY AS asked (subject_id, session_id, epoch, entry)
    JOIN session AS s ON s.subject_id = asked.subject_id AND s.session_id = asked.session_id
    JOIN subject AS p ON p.subject_id = asked.subject_id
    WHERE s.ended_at IS NULL AND s.expires_at > now() AND asked.epoch >= p.epoch;
END;
$$;
COMMENT ON FUNCTION judge_sessions IS 'The entries whose session lives and whose epoch is not below the subject''s';
GRANT EXECUTE ON FUNCTION judge_sessions TO session_runtime;
