"""Audit."""

from libs.controls.catalogue.control import controls_of

AUDIT = controls_of(
    "Audit",
    (
        (
            "L1",
            "Nine kinds of action are logged, at least",
            "user.login, user.logout, user.invited, user.role_changed, record.created, record.updated, record.deleted, "
            "settings.changed and export.requested, each found in the log after the action; token refresh, failed "
            "attempts, approvals and all administration too",
        ),
        (
            "L2",
            "Every entry says when, who, what, to whom and from where",
            "UTC time, actor, action, target, IP address, user agent and device fingerprint on every entry",
        ),
        (
            "L3",
            "The log is immutable",
            "no role of any service can update or delete an entry; a change to any stored byte is found with the "
            "public key alone",
        ),
        (
            "L4",
            "Entries are kept 2 years, never under 12 months",
            "a setting of the workspace; what expires leaves its proof behind",
        ),
        (
            "L5",
            "Administrators export their log",
            "CSV and JSON Lines, filtered, streamed, safe in a spreadsheet",
        ),
        (
            "L6",
            "Nothing acknowledged is lost",
            "with broker, database, cache or any service killed at any time",
        ),
    ),
)
