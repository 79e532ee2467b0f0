-- What a test's consumer has taken in.
CREATE TABLE taken (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    bucket smallint NOT NULL,
    generation integer NOT NULL,
    number bigint NOT NULL,
    event_id uuid NOT NULL,
    envelope bytea NOT NULL
);
GRANT SELECT, INSERT ON taken TO {service}_runtime;
