"""The files that the settings name, on this machine."""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from services.operator.config import OperatorSettings
from services.operator.domain.status import Certificate


class SettingsFiles:
    def __init__(self, *, settings: OperatorSettings, local_file: Path | None) -> None:
        """`local_file` is where the settings came from; None when they stood in the environment."""
        self._settings = settings
        self._local_file = local_file

    def modes(self) -> Sequence[tuple[str, int, bool]]:
        settings = self._settings
        others = [settings.tls_ca_file, settings.tls_cert_file, settings.edge_ca_file, self._local_file]
        files = [(settings.tls_key_file, True), *((file, False) for file in others if file is not None)]
        return [(str(file), file.stat().st_mode, secret) for file, secret in files]

    def certificates(self) -> Sequence[tuple[str, Certificate]]:
        settings = self._settings
        named = [
            ("Our own certificate", settings.tls_cert_file),
            ("The authority of the services", settings.tls_ca_file),
            ("The authority of the gateway", settings.edge_ca_file),
        ]
        return [
            (whose, Certificate(names=(), ends_at=each.not_valid_after_utc))
            for whose, file in named
            if file is not None
            for each in x509.load_pem_x509_certificates(file.read_bytes())
        ]
