"""Abuse limits and the edge."""

from libs.controls.catalogue.control import controls_of

EDGE = controls_of(
    "Abuse limits and the edge",
    (
        (
            "R1",
            "Rate limits in four tiers: 10, 100, 500 and 2,000 requests a minute",
            "measured over the wire for anonymous, standard, professional and enterprise, with RateLimit headers and "
            "429; the workspace's plan sets the tier",
        ),
        ("R2", "Stricter limits where people authenticate", "measured over the wire"),
        (
            "R3",
            "A web application firewall in front",
            "a ready configuration with the OWASP core rule set; injection, XSS and CSRF are refused",
        ),
        (
            "R4",
            "Requests are validated against their schema",
            "unknown or malformed fields are answered 400, with the field named, before any business logic",
        ),
        (
            "R5",
            "A Content Security Policy on all pages",
            "no inline script, origins on an allow-list; seen in the header and by a browser",
        ),
        (
            "R6",
            "OWASP practice",
            "attempts at injection, broken authentication, insecure direct references and mass assignment fail",
        ),
        ("R7", "Dependencies are scanned on every push", "a job in CI, and a bill of materials"),
        (
            "R8",
            "The network is segmented by allow-lists",
            "networks of the deployment, and identity by mutual TLS: who is not on the list cannot connect",
        ),
    ),
)
