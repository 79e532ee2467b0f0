-- What the planner takes a log for. Some logs are long and most are short; for one of average length, and with row
-- security's condition counted beside the query's own, it expects less than a row of a log, takes any index that begins with
-- the log for as good as any other, and reads all entries of a long one. Told that there are ten logs, it reads few of either.

ALTER TABLE entry ALTER COLUMN log_id SET (n_distinct_inherited = 10);
ALTER TABLE entry_personal ALTER COLUMN log_id SET (n_distinct_inherited = 10);
ALTER TABLE hash_run ALTER COLUMN log_id SET (n_distinct = 10);
ALTER TABLE checkpoint ALTER COLUMN log_id SET (n_distinct = 10);
ALTER TABLE anchor ALTER COLUMN log_id SET (n_distinct = 10);

-- As before (0002), and the same for each month.
CREATE OR REPLACE FUNCTION make_month(wanted date) RETURNS void
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
        EXECUTE format('ALTER TABLE public.%I ALTER COLUMN log_id SET (n_distinct = 10)', partition);
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

DO $$
DECLARE
    month regclass;
BEGIN
    FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent IN ('entry'::regclass, 'entry_personal'::regclass) LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN log_id SET (n_distinct = 10)', month);
    END LOOP;
END
$$;
ANALYZE entry, entry_personal, hash_run, checkpoint, anchor;
