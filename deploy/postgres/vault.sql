
-- The vault's further role. Run after roles.sql, by the cluster's administrator, in the vault's database; may be run again.
--
--   vault_maintenance  has what destroyed keys leave in the files removed: rewrites the tables and lets the WAL end. It reads no key

-- Who administers a managed cluster may not be allowed to hand these on. The job says then what it cannot do.
DO $$
BEGIN
    GRANT pg_checkpoint TO vault_maintenance WITH INHERIT TRUE, SET FALSE, ADMIN FALSE;
    GRANT EXECUTE ON FUNCTION pg_switch_wal(), pg_ls_waldir() TO vault_maintenance;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'vault_maintenance cannot have the WAL removed: %', SQLERRM;
END
$$;
