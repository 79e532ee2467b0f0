-- How large a part is, so that no segment is larger than can be written in time.

ALTER TABLE segment_part ADD COLUMN size bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN segment_part.size IS 'Bytes of leaves and sealed messages; 0 where they were not counted';
