-- Workers tell of requests that are late.
GRANT SELECT (due_at) ON request TO datarights_jobs;
