-- Which logs name a person: asked for the person's own copy of their data, across logs, by nobody else.

GRANT SELECT (log_id) ON tree_head TO audit_lookup;
CREATE POLICY tree_head_lookup_select ON tree_head FOR SELECT TO audit_lookup USING (true);
GRANT SELECT (log_id, actor_id, target_id) ON entry TO audit_lookup;
CREATE POLICY entry_lookup_select ON entry FOR SELECT TO audit_lookup USING (
    actor_id = ANY ((SELECT context_subjects())::uuid[]) OR target_id = ANY ((SELECT context_subjects())::uuid[])
);

-- One probe of each index for each log: rare, and no index for it slows every append.
CREATE FUNCTION logs_of_subject(subject uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT tree_head.log_id
      FROM tree_head
     WHERE EXISTS (SELECT FROM entry WHERE entry.log_id = tree_head.log_id AND entry.actor_id = subject)
        OR EXISTS (SELECT FROM entry WHERE entry.log_id = tree_head.log_id AND entry.target_id = subject)
     ORDER BY tree_head.log_id;
END;
COMMENT ON FUNCTION logs_of_subject(uuid) IS 'The logs in which the subject acted or was acted on; the subject must be the context''s';
GRANT EXECUTE ON FUNCTION logs_of_subject(uuid) TO audit_runtime;
ALTER FUNCTION logs_of_subject(uuid) OWNER TO audit_lookup;
