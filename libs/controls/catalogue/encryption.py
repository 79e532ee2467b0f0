"""Encryption."""

from libs.controls.catalogue.control import controls_of

ENCRYPTION = controls_of(
    "Encryption",
    (
        (
            "E1",
            "TLS 1.3 in transit, at the edge 1.2 at least",
            "handshakes with the gateway and with every service; older versions are refused; services prove who they "
            "are to one another",
        ),
        (
            "E2",
            "AES-256 at rest",
            "personal data and secrets in the databases are sealed with AES-256-GCM under envelope keys; volumes and "
            "back-ups by the deployment",
        ),
        (
            "E3",
            "API keys are sealed with AES-256-GCM",
            "shown once, found by a keyed hash, revocable, scoped, with their last use",
        ),
        (
            "E4",
            "Keys are managed by a KMS and rotated on a schedule",
            "a local key ring or a real KMS behind one interface; rotation wraps anew without downtime; ages are shown",
        ),
        ("E5", "Back-ups have keys of their own", "a restore with the primary keys alone fails"),
        ("E6", "HSTS of at least 12 months", "the header is on every HTTPS answer"),
    ),
)
