"""Certificates for tests: one authority, and any name."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from deploy.pki.development import Authority, write, write_pair
from wardenry.credentials import TlsFiles


class CertificatesForTests:
    """Issues what a test asks for into a directory."""

    def __init__(self, *, directory: Path) -> None:
        self._directory = directory
        self._authority = Authority(name="Wardenry tests", now=datetime.now(UTC))
        directory.mkdir(parents=True, exist_ok=True)
        write(directory / "ca.crt", self._authority.certificate.public_bytes(Encoding.PEM))

    def of(self, name: str, *, names: Sequence[str] | None = None) -> TlsFiles:
        """The certificate of a service; with `names`, one that claims those instead."""
        stem = name if names is None else f"{name}-as-{'-'.join(names) or 'nobody'}"
        files = TlsFiles(
            ca_file=self._directory / "ca.crt",
            certificate_file=self._directory / f"{stem}.crt",
            key_file=self._directory / f"{stem}.key",
        )
        if not files.key_file.exists():
            usages = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
            claimed: list[x509.GeneralName] = [x509.DNSName(each) for each in ([name] if names is None else names)]
            claimed = claimed or [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            write_pair(self._directory, stem, *self._authority.issue(subject=stem, names=claimed, usages=usages))
        return files
