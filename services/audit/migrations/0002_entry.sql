-- Entries, and apart from them what travels beside a leaf and may expire. Both by month of record.

-- An entry is written once. Nobody has the right to change or delete one; this refuses those too who do not need rights.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'entries of the log are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION refuse_change() IS 'Refuses the statement, whoever gives it';

CREATE TABLE entry (
    log_id uuid NOT NULL,
    index bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    action text NOT NULL,
    succeeded boolean NOT NULL,
    actor_id uuid,
    target_id uuid,
    leaf bytea NOT NULL,
    CONSTRAINT entry_pkey PRIMARY KEY (log_id, index, recorded_at),
    CONSTRAINT entry_index CHECK (index >= 0),
    CONSTRAINT entry_leaf CHECK (length(leaf) BETWEEN 1 AND 65535)
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE entry IS '[workspace] The log: one row an entry, written once. The leaf is what counts; the other columns repeat it for search';
COMMENT ON COLUMN entry.log_id IS 'The log: a workspace, or the platform';
COMMENT ON COLUMN entry.index IS 'Place in the log, from 0; dense, because only who moves tree_head.size may number';
COMMENT ON COLUMN entry.recorded_at IS 'When it entered the log';
COMMENT ON COLUMN entry.event_id IS 'Identifier of the event, UUID version 7; once in a log';
COMMENT ON COLUMN entry.occurred_at IS 'When it happened, by its source''s clock';
COMMENT ON COLUMN entry.action IS 'Name of the action, noun.verb';
COMMENT ON COLUMN entry.succeeded IS 'Whether it happened; false for what was only tried';
COMMENT ON COLUMN entry.actor_id IS 'The subject who acted; null for visitors and services';
COMMENT ON COLUMN entry.target_id IS 'The subject who was acted on; null when it was something else';
COMMENT ON COLUMN entry.leaf IS 'wardenry.events.v1.Leaf, the bytes that are hashed, as its source froze them';

CREATE INDEX entry_event ON entry (log_id, event_id);
CREATE INDEX entry_action ON entry (log_id, action, index);
CREATE INDEX entry_actor ON entry (log_id, actor_id, index) WHERE actor_id IS NOT NULL;
CREATE INDEX entry_target ON entry (log_id, target_id, index) WHERE target_id IS NOT NULL;

ALTER TABLE entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON entry TO audit_runtime;
CREATE POLICY entry_runtime_context ON entry AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY entry_runtime_select ON entry FOR SELECT TO audit_runtime USING (true);
CREATE POLICY entry_runtime_insert ON entry FOR INSERT TO audit_runtime WITH CHECK (true);
CREATE TRIGGER entry_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE entry_personal (
    log_id uuid NOT NULL,
    index bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_key_id uuid,
    actor_key_version integer,
    actor_message bytea,
    target_key_id uuid,
    target_key_version integer,
    target_message bytea,
    network_tag bytea,
    device_tag bytea,
    address_tag bytea,
    country text,
    CONSTRAINT entry_personal_pkey PRIMARY KEY (log_id, index, recorded_at),
    CONSTRAINT entry_personal_actor CHECK (num_nulls(actor_key_id, actor_key_version, actor_message) IN (0, 3)),
    CONSTRAINT entry_personal_target CHECK (num_nulls(target_key_id, target_key_version, target_message) IN (0, 3))
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE entry_personal IS '[workspace] What travels beside a leaf: personal values, sealed to audit''s key of the person, and tags for search. Retention deletes rows; hashes and proofs stay';
COMMENT ON COLUMN entry_personal.log_id IS 'The log';
COMMENT ON COLUMN entry_personal.index IS 'Place of the entry in the log';
COMMENT ON COLUMN entry_personal.recorded_at IS 'When the entry entered the log';
COMMENT ON COLUMN entry_personal.actor_key_id IS 'Data key that the actor''s values are sealed under; null without such values';
COMMENT ON COLUMN entry_personal.actor_key_version IS 'Version of that key';
COMMENT ON COLUMN entry_personal.actor_message IS 'HPKE message with the actor''s values and their salts';
COMMENT ON COLUMN entry_personal.target_key_id IS 'Data key that the target''s values are sealed under; null without such values';
COMMENT ON COLUMN entry_personal.target_key_version IS 'Version of that key';
COMMENT ON COLUMN entry_personal.target_message IS 'HPKE message with the target''s values and their salts';
COMMENT ON COLUMN entry_personal.network_tag IS 'HMAC of the client''s network under the key of (log, month); null when unknown';
COMMENT ON COLUMN entry_personal.device_tag IS 'HMAC of the device under the same key; null when unknown';
COMMENT ON COLUMN entry_personal.address_tag IS 'HMAC of an address typed at a failed sign-in, under the same key; null otherwise';
COMMENT ON COLUMN entry_personal.country IS 'ISO 3166-1 alpha-2 country of the client address; null when unknown';

ALTER TABLE entry_personal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON entry_personal TO audit_runtime;
CREATE POLICY entry_personal_runtime_context ON entry_personal AS RESTRICTIVE TO audit_runtime
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY entry_personal_runtime_select ON entry_personal FOR SELECT TO audit_runtime USING (true);
CREATE POLICY entry_personal_runtime_insert ON entry_personal FOR INSERT TO audit_runtime WITH CHECK (true);
-- Retention, of a log that the job names; nothing younger than a year, whatever a workspace has set.
GRANT SELECT (log_id, index, recorded_at), DELETE ON entry_personal TO audit_jobs;
CREATE POLICY entry_personal_jobs_context ON entry_personal AS RESTRICTIVE TO audit_jobs
    USING (log_id = ANY ((SELECT context_workspaces())::uuid[]));
CREATE POLICY entry_personal_jobs_select ON entry_personal FOR SELECT TO audit_jobs USING (true);
CREATE POLICY entry_personal_jobs_delete ON entry_personal FOR DELETE TO audit_jobs
    USING (recorded_at < now() - interval '12 months');

-- Partitions are reached through their parents alone: nobody is granted anything on them, and their own row security,
-- enabled and forced without a policy, lets nothing through.
CREATE FUNCTION make_month(wanted date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    month date := date_trunc('month', wanted)::date;
    parent text;
    partition text;
BEGIN
    IF month < date_trunc('month', now() - interval '1 month') OR month > now() + interval '1 year' THEN
        RAISE EXCEPTION 'months are made from the last one to a year ahead' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One at a time; several processes may ask.
    PERFORM pg_advisory_xact_lock(hashtext('make_month'));
    FOREACH parent IN ARRAY ARRAY['entry', 'entry_personal'] LOOP
        partition := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
        CONTINUE WHEN to_regclass(format('public.%I', partition)) IS NOT NULL;
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', partition, parent);
        EXECUTE format('COMMENT ON TABLE public.%I IS %L', partition, format('[workspace] %s of one month of record', parent));
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', partition);
        IF parent = 'entry' THEN
            EXECUTE format(
                'CREATE TRIGGER entry_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON public.%I '
                'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', partition
            );
        END IF;
        -- Attaching, unlike PARTITION OF, lets others go on reading and writing.
        EXECUTE format(
            'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, partition,
            month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
        );
    END LOOP;
END
$$;
COMMENT ON FUNCTION make_month(date) IS 'Makes the partitions of the month of this day, unless they are there';
GRANT EXECUTE ON FUNCTION make_month(date) TO audit_jobs;

SELECT make_month((date_trunc('month', now()) + months * interval '1 month')::date) FROM generate_series(0, 2) AS months;
