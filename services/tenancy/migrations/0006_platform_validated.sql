-- In a transaction of its own, so that rows are read under a lock that lets others write.

ALTER TABLE workspace VALIDATE CONSTRAINT workspace_creator;
ALTER TABLE invitation VALIDATE CONSTRAINT invitation_founder;
ALTER TABLE invitation VALIDATE CONSTRAINT invitation_shown;
