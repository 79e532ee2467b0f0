"""Authentication."""

from libs.controls.catalogue.control import controls_of

AUTHENTICATION = controls_of(
    "Authentication",
    (
        (
            "A1",
            "E-mail and password, hashed with bcrypt",
            "the work factor fits the machine, is stored with each hash and raised at the next sign-in; nothing over "
            "72 bytes is cut off; no password appears in logs, traces or events",
        ),
        (
            "A2",
            "Social login by OAuth 2.0",
            "authorization code with PKCE, state and nonce against any OpenID provider; an unverified e-mail address "
            "takes over no account",
        ),
        (
            "A3",
            "TOTP as second factor",
            "the vectors of RFC 6238 pass; a code works once and in its window; the secret is sealed at rest",
        ),
        (
            "A4",
            "Backup codes, hashed with bcrypt",
            "ten codes, shown once; each works once, even under a race; new ones void the old",
        ),
        (
            "A5",
            "Magic link and one-time code",
            "single use, at most 10 minutes, bound to the purpose and to the browser that asked",
        ),
        (
            "A6",
            "Lock-out after failed attempts",
            "6 failures lock for 15 minutes, through restarts and the loss of the cache; unknown accounts answer alike "
            "and as fast",
        ),
        (
            "A7",
            "Exponential back-off",
            "each failure below the lock-out doubles the wait for the next attempt, and the client is told how long",
        ),
        (
            "A8",
            "Step-up and sign-in policy",
            "a workspace can require a second factor, and set methods and lengths of sessions",
        ),
    ),
)
