-- In a transaction of its own, so that rows are read under a lock that lets others write.

ALTER TABLE subject VALIDATE CONSTRAINT subject_erased;
