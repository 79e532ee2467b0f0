"""Mutual TLS: who this service is to its peers, and how it knows them."""

from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the deployment put this service's certificate. PEM files; the certificate has exactly one DNS name, the
    service's."""

    ca_file: Path
    certificate_file: Path
    key_file: Path

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """To call with. Raises OSError when a file cannot be read."""
        return grpc.ssl_channel_credentials(
            root_certificates=self.ca_file.read_bytes(),
            private_key=self.key_file.read_bytes(),
            certificate_chain=self.certificate_file.read_bytes(),
        )

    def server_credentials(self) -> grpc.ServerCredentials:
        """To serve with: a caller without a certificate of our authority gets no connection. Raises OSError."""
        return grpc.ssl_server_credentials(
            [(self.key_file.read_bytes(), self.certificate_file.read_bytes())],
            root_certificates=self.ca_file.read_bytes(),
            require_client_auth=True,
        )
