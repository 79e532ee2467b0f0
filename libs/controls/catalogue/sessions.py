"""Sessions and tokens."""

from libs.controls.catalogue.control import controls_of

SESSIONS = controls_of(
    "Sessions and tokens",
    (
        (
            "S1",
            "Access tokens are JWTs of at most 15 minutes",
            "signed with asymmetric keys, which rotate and are published as JWKS",
        ),
        (
            "S2",
            "Refresh tokens rotate on use",
            "reuse of a spent one revokes its whole family and is audited; a lost answer can be asked for again within "
            "a short grace",
        ),
        (
            "S3",
            "Log-out invalidates",
            "refresh is refused at once, access tokens by every validator within 1 second",
        ),
        ("S4", "Sessions time out", "when idle and in any case, as the workspace's policy says"),
        (
            "S5",
            "Sessions can be reviewed and revoked",
            "listed with device, place and last use; one, all others, or all are revoked",
        ),
        (
            "S6",
            "Tokens never travel in URLs",
            "no endpoint takes a token or credential in a query string, but for the authorization code and "
            "id_token_hint of the OpenID standards; a magic link has its code in the fragment or a form",
        ),
    ),
)
