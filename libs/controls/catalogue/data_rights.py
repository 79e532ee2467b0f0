"""Data rights."""

from libs.controls.catalogue.control import controls_of

DATA_RIGHTS = controls_of(
    "Data rights",
    (
        (
            "D1",
            "Access: people get their data",
            "one request gathers a person's data from every service into one signed archive",
        ),
        ("D2", "Rectification", "corrected everywhere it is held; before and after are audited, sealed"),
        (
            "D3",
            "Erasure within 30 days",
            "done in every service, back-ups and logs included, by destroying the person's key; a signed certificate "
            "confirms it; the deadline is tracked",
        ),
        ("D4", "Portability", "CSV and JSON, with a documented schema"),
        (
            "D5",
            "Objection",
            "an opt-out for each purpose, enforced by a call that other services make; the history of consents is kept",
        ),
        ("D6", "A workspace's data can be exported at any time", "all of it as CSV, from the administrator's page"),
        (
            "D7",
            "Closing a workspace",
            "data is kept 90 days for export and can be reopened, then is purged from every service and back-up",
        ),
        (
            "D8",
            "Data stays in its region",
            "each workspace has one, the EU by default, and its data is in that region's stores",
        ),
        (
            "D9",
            "A register of breaches",
            "incidents by severity; a confirmed breach of personal data starts a clock of 72 hours; who was affected "
            "and what was sent",
        ),
        (
            "D10",
            "Processors are known and reviewed",
            "a register of sub-processors and agreements with each one's review; the current list on request",
        ),
        (
            "D11",
            "Personal data is not sold",
            "sale and sharing start as refused; a browser's Global Privacy Control signal is recorded as an objection "
            "and obeyed",
        ),
    ),
    processes=frozenset({"D10"}),
)
