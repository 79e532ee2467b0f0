"""Operations."""

from libs.controls.catalogue.control import controls_of

OPERATIONS = controls_of(
    "Operations",
    (
        (
            "O1",
            "Daily back-ups, kept 30 days, with tested restores",
            "one command restores to a chosen moment, verifies the log's proofs, and prints recovery time and point",
        ),
        (
            "O2",
            "Monitoring and detection of threats",
            "dashboards, alerts with run-books; detectors of credential stuffing, impossible travel, mass export and "
            "changes of privilege",
        ),
        (
            "O3",
            "Incidents are responded to",
            "severities, escalation, templates and reviews, as documents beside the register",
        ),
        (
            "O4",
            "Access is reviewed every quarter",
            "campaigns begin on schedule; decisions are recorded, what is undecided or overdue is shown",
        ),
        (
            "O5",
            "Who leaves is out within 24 hours",
            "removing a member ends sessions, tokens and keys at once",
        ),
        (
            "O6",
            "Least privilege in production",
            "database roles for each service, allow-lists of callers for each RPC, break-glass access audited",
        ),
        ("O7", "Vulnerabilities can be reported", "a security.txt and a policy"),
        (
            "O8",
            "Reports for auditors",
            "one command makes an evidence pack: each control, its probe's result and time",
        ),
        (
            "O9",
            "Staff are screened and trained, their devices meet the rules",
            "a register with due dates; operators whose entry is missing or overdue are refused, and the others need a "
            "second factor",
        ),
        (
            "O10",
            "Certificates and reports are current",
            "a register with validity, owner and audience; what has lapsed shows as lapsed; documents go to those "
            "entitled",
        ),
        (
            "O11",
            "Redundancy",
            "the loss of any one node of a store or service loses nothing and is served through",
        ),
    ),
    processes=frozenset({"O3", "O9", "O10"}),
)
