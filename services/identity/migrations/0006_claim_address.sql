-- What an erasure looks for, and the foreign key's check after it; and what every look at the mail deletes first.

CREATE INDEX address_claim_address ON address_claim (subject_id, address_id);
CREATE INDEX outgoing_mail_expiry ON outgoing_mail (expires_at);
