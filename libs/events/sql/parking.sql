-- How much is set aside: what anybody may have sent is bounded.

ALTER TABLE parked_record ADD COLUMN size integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN parked_record.size IS 'Bytes of key, headers and value';
COMMENT ON COLUMN parked_record.digest IS 'SHA-256 over topic and MAC where the MAC is the source''s, else over topic, key, value and headers: the same is kept once';
CREATE INDEX parked_record_unverified ON parked_record (reason, size) WHERE reason IN ('malformed', 'forged');
