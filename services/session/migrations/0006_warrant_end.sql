-- The leave for a request ends with the request; without its end, with the time that a request may be extended to.

COMMENT ON TABLE warrant IS '[subject] Requests that a person authorized by a fresh authentication; a row goes when its request is over, after 90 days at the latest';
GRANT DELETE ON warrant TO session_runtime;
CREATE POLICY warrant_runtime_delete ON warrant FOR DELETE TO session_runtime USING (true);
ALTER POLICY warrant_jobs_delete ON warrant USING (authorized_at < now() - interval '90 days');
