"""Certificates for the local stack: an authority whose key is gone once it has issued, one certificate per service.

A service's certificate has exactly one name, the service's, and that name is who it is to its peers. What browsers see
comes from a second authority, which may name this machine only and which no service trusts.
"""

import ipaddress
import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wardenry.clock import Clock

#: Everyone who takes part in mutual TLS. "records" is the example of a product's own service.
PEERS = ("identity", "session", "tenancy", "audit", "datarights", "gateway", "operator", "records")
EDGE_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)
#: The edge's authority may vouch for this machine and nothing else, should somebody import it into a browser.
EDGE_CONSTRAINTS: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)
LIFETIME = timedelta(days=365)
#: Certificates that end sooner than this are issued again.
RENEWAL = timedelta(days=30)
#: Clocks of other machines may be behind.
BACKDATED = timedelta(hours=1)


class Authority:
    """A certificate authority in memory. Its key is gone when this object is."""

    def __init__(self, *, name: str, now: datetime, constraints: Sequence[x509.GeneralName] = ()) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._now = now
        builder = (
            self._builder(subject=name, issuer=name, key=self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage(certificate_sign=True), critical=True)
        )
        if constraints:
            permitted = x509.NameConstraints(permitted_subtrees=list(constraints), excluded_subtrees=None)
            builder = builder.add_extension(permitted, critical=True)
        self.certificate = builder.sign(self._key, hashes.SHA256())

    def issue(
        self, *, subject: str, names: Sequence[x509.GeneralName], usages: Sequence[x509.ObjectIdentifier]
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A certificate for `names` and its new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._key.public_key()
        certificate = (
            self._builder(subject=subject, issuer=self.certificate.subject, key=key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(certificate_sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate, key

    def _builder(
        self, *, subject: str, issuer: str | x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(common_name(subject))
            .issuer_name(common_name(issuer) if isinstance(issuer, str) else issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - BACKDATED)
            .not_valid_after(self._now + LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def ensure_certificates(directory: Path, *, clock: Clock) -> None:
    """Have `directory` hold a set of certificates that is whole and good for another month, else replace it whole.

    `ca.crt`, `<peer>.crt`, `<peer>.key` for mutual TLS; `edge-ca.crt`, `edge.crt`, `edge.key` for browsers.
    """
    now = clock.now()
    if is_current(directory, now=now):
        return
    draft = directory.with_name(directory.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    services = Authority(name="Wardenry local services", now=now)
    write(draft / "ca.crt", services.certificate.public_bytes(Encoding.PEM))
    both = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    for peer in PEERS:
        write_pair(draft, peer, *services.issue(subject=peer, names=[x509.DNSName(peer)], usages=both))
    edge = Authority(name="Wardenry local edge", now=now, constraints=EDGE_CONSTRAINTS)
    write(draft / "edge-ca.crt", edge.certificate.public_bytes(Encoding.PEM))
    serve_only = (ExtendedKeyUsageOID.SERVER_AUTH,)
    write_pair(draft, "edge", *edge.issue(subject="localhost", names=EDGE_NAMES, usages=serve_only))
    shutil.rmtree(directory, ignore_errors=True)
    draft.rename(directory)


def is_current(directory: Path, *, now: datetime) -> bool:
    """Whether every file is there and every certificate lasts long enough."""
    certificates = [directory / f"{name}.crt" for name in ("ca", "edge-ca", "edge", *PEERS)]
    keys = [directory / f"{name}.key" for name in ("edge", *PEERS)]
    if not all(file.exists() for file in (*certificates, *keys)):
        return False
    loaded = (x509.load_pem_x509_certificate(file.read_bytes()) for file in certificates)
    return all(certificate.not_valid_after_utc > now + RENEWAL for certificate in loaded)


def common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def key_usage(*, certificate_sign: bool) -> x509.KeyUsage:
    """Signing certificates, or signing a TLS handshake; nothing else."""
    return x509.KeyUsage(
        digital_signature=not certificate_sign,
        key_cert_sign=certificate_sign,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def write_pair(directory: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    write(directory / f"{name}.crt", certificate.public_bytes(Encoding.PEM))
    write(directory / f"{name}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def write(path: Path, content: bytes) -> None:
    """A new file that its owner alone may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
