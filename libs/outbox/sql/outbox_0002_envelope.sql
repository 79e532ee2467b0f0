-- An event that the broker would never take must fail where it is written, not hold up all behind it. A leaf and two sealed
-- messages, each at most 64 KiB, stay below this; brokers take a megabyte by default.
ALTER TABLE outbox ADD CONSTRAINT outbox_envelope CHECK (octet_length(envelope) <= 256 * 1024) NOT VALID;
ALTER TABLE outbox VALIDATE CONSTRAINT outbox_envelope;
