-- What the planner takes a person for. Row security's condition is counted beside the query's own, which names the same person: by
-- what a sample says of so many people it expects less than a row, and for each refresh of a batch it reads all grants or sessions
-- that the person has, or that all people of the batch have. Without a sample it takes a person for one of two hundred, and looks
-- each row up. (A given number of people would not do: the sample's most frequent ones limit it.)

ALTER TABLE session ALTER COLUMN subject_id SET STATISTICS 0;
ALTER TABLE session_grant ALTER COLUMN subject_id SET STATISTICS 0;
SELECT
    pg_clear_attribute_stats('public', 'session', 'subject_id', false),
    pg_clear_attribute_stats('public', 'session_grant', 'subject_id', false);

-- A session's grants, for lists of sessions, their end and the foreign key. No refresh changes these columns, so its update
-- stays a HOT one.
CREATE INDEX session_grant_session ON session_grant (subject_id, session_id);
-- What the jobs look for again and again.
CREATE INDEX session_over ON session (least(expires_at, ended_at));
CREATE INDEX revocation_age ON revocation (revoked_at);
ANALYZE session;
