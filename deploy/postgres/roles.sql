-- The roles of one service and the rights on its database, for `{service}` and `{database}`. Run by the cluster's administrator, in the
-- service's database; may be run again. Passwords are set apart from it.
--
--   {service}_owner    owns the database and everything in it; migrations alone log in as it
--   {service}_runtime  the service's requests and consumers; owns nothing, is bound by every policy
--   {service}_relay    the outbox relay: the outbox's tables alone
--   {service}_jobs     scheduled work across workspaces: what migrations grant it, table by table
--   {service}_lookup   nobody logs in as it; owns the functions that find a row before a context exists

DO $$
DECLARE
    login text;
BEGIN
    FOREACH login IN ARRAY {logins}::text[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I', login);
        END IF;
        EXECUTE format(
            'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS', login
        );
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{service}_lookup') THEN
        CREATE ROLE {service}_lookup;
    END IF;
    ALTER ROLE {service}_lookup NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS;
END
$$;

-- The owner may hand functions to the look-up role, yet does not inherit its rights.
GRANT {service}_lookup TO {service}_owner WITH INHERIT FALSE, SET TRUE, ADMIN FALSE;

ALTER DATABASE {database} OWNER TO {service}_owner;
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {grantees};

-- In `public`, the owner creates and the others use what they are granted.
ALTER SCHEMA public OWNER TO {service}_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {grantees}, {service}_lookup;
-- PostgreSQL lets a role own only what it could have created. Nobody logs in as this one.
GRANT CREATE ON SCHEMA public TO {service}_lookup;

-- A function is called by those that are granted it. PostgreSQL's default lets everybody.
ALTER DEFAULT PRIVILEGES FOR ROLE {service}_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE {service}_lookup REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
