"""What is made of a certificate that a server presents, also of one that nobody could use."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from libs.controls.transport.handshake import Distrusted, Outcome, Refused, Taken, Unclear
from services.operator.clients.certificates import presented
from services.operator.domain.status import Certificate

ENDS = datetime(2030, 1, 1, tzinfo=UTC)


def certificate(names: bytes) -> bytes:
    """One whose subject alternative names are these bytes."""
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, datetime(2020, 1, 1, tzinfo=UTC), ENDS)
    alternative = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
    return builder.add_extension(alternative, critical=False).sign(key, None).public_bytes(Encoding.DER)


def test_the_certificate_of_who_is_not_trusted_is_shown() -> None:
    der = certificate(b"\x30\x06\x82\x04evil")
    shown = presented(Distrusted("self-signed"), Taken("", der))
    assert shown.certificate == Certificate(names=("evil",), ends_at=ENDS)
    assert shown.trouble == "its certificate is not to be trusted: self-signed"


@pytest.mark.parametrize(
    "der",
    [b"", b"none", certificate(b"\x30\x06\x82\x04ev"), certificate(b"\x30\x02\x85\x00")],
    # Certificates are new each time; test processes compare names.
    ids=["empty", "none", "a name cut off", "an empty kind of name"],
)
def test_what_cannot_be_read_is_none(der: bytes) -> None:
    shown = presented(Distrusted("self-signed"), Taken("", der))
    assert shown.certificate is None
    assert shown.trouble == "its certificate is not to be trusted: self-signed"


@pytest.mark.parametrize(
    ("outcome", "answered"),
    [
        (Taken("", b""), True),
        (Refused("alert"), True),
        (Distrusted("expired"), True),
        (Unclear("no connection"), False),
    ],
)
def test_who_refuses_us_is_there(outcome: Outcome, answered: bool) -> None:
    assert presented(outcome, outcome).answered is answered
