-- In a transaction of its own, so that rows are read under a lock that lets others write.

ALTER TABLE tree_head VALIDATE CONSTRAINT tree_head_anchored;
