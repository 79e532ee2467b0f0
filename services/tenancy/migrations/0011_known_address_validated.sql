-- In a transaction of its own, so that rows are read under a lock that lets others write.

ALTER TABLE membership VALIDATE CONSTRAINT membership_address;
ALTER TABLE invitation VALIDATE CONSTRAINT invitation_claimed_tag;
