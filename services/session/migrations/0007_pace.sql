-- Where the clock has gone back behind a grant's last rotation, what was taken of the burst by the time of before counts no more:
-- it would stand until the clock is there again, and sessions would end meanwhile. The rest is as it was in 0004.
CREATE OR REPLACE FUNCTION rotate_grants(
    subject_ids uuid[],
    grant_ids uuid[],
    repeats boolean[],
    counters bigint[],
    grace_uses_seen smallint[],
    new_key_version integer,
    pace interval,
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
            paced_until = CASE
                WHEN a.repeated THEN g.paced_until
                WHEN g.rotated_at > now() THEN now() + pace
                ELSE greatest(g.paced_until, now()) + pace
            END,
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
