-- Which entry of a log was found missing first is noted once, and nobody changes it.

REVOKE UPDATE (damaged) ON segment_held FROM audit_runtime;
