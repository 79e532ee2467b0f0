-- Nobody is invited to a workspace twice, or as a member: both are asked of blind indexes, which are made for one workspace each.
-- The constraints that are not valid yet are validated in 0011.

ALTER TABLE membership ADD COLUMN address_tag bytea,
    ADD CONSTRAINT membership_address CHECK (address_tag IS NULL OR (length(address_tag) = 32 AND ended_at IS NULL)) NOT VALID;
COMMENT ON COLUMN membership.address_tag IS 'Blind index of the normalised address; null once ended, and until the next invitation where it was not stored at the beginning';
GRANT UPDATE (address_tag) ON membership TO tenancy_runtime;
CREATE INDEX membership_address ON membership (workspace_id, address_tag) WHERE ended_at IS NULL;
CREATE INDEX membership_untagged ON membership (workspace_id, subject_id) WHERE ended_at IS NULL AND address_tag IS NULL;

-- Code of before ends a membership without knowing this column.
CREATE FUNCTION forget_address_tag() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    NEW.address_tag := NULL;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION forget_address_tag() IS 'Leaves nothing of an address where a membership ends';
CREATE TRIGGER membership_end BEFORE UPDATE ON membership FOR EACH ROW
WHEN (NEW.ended_at IS NOT NULL AND NEW.address_tag IS NOT NULL)
EXECUTE FUNCTION forget_address_tag();

-- Code of before claims nothing, so what it stored twice stays, and it goes on as it did.
ALTER TABLE invitation ADD COLUMN address_claim bytea,
    ADD CONSTRAINT invitation_claimed_tag CHECK (address_claim = address_tag) NOT VALID;
COMMENT ON COLUMN invitation.address_claim IS 'address_tag again while this is the address''s one open invitation; null once it expired and another was made, and in rows of before';
COMMENT ON COLUMN invitation.revoked_at IS 'When it was revoked, or its invitee declined it; null while neither was';
GRANT UPDATE (address_claim) ON invitation TO tenancy_runtime;
CREATE UNIQUE INDEX invitation_claim ON invitation (workspace_id, address_claim)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
