"""A certificate of an authority that nobody trusts."""

import ssl
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(hours=1)


def present_stranger(context: ssl.SSLContext, *, name: str, now: datetime) -> None:
    """Has the client present a certificate for `name` that it issued itself, a minute ago. The key is thrown away."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The library takes certificates from files alone.
    with TemporaryDirectory(prefix="wardenry-stranger-") as directory:
        file = Path(directory) / "stranger.pem"
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context.load_cert_chain(file)


def names_of(certificate: bytes) -> list[str]:
    """The subject alternative names of a DER certificate: DNS names as they are, others with their kind."""
    parsed = x509.load_der_x509_certificate(certificate)
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.value if isinstance(name, x509.DNSName) else f"{type(name).__name__} {name.value}" for name in names]


def ends_at(certificate: bytes) -> datetime:
    """When a DER certificate stops being good."""
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc
