"""Deployments for probes: real servers at addresses of the test's choosing, reached as the operator reaches them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from libs.controls.deployment import SERVICES
from services.operator.clients.deployment import Deployment, open_deployment
from services.operator.config import OperatorSettings
from tests.support.mutual_tls import CertificatesForTests
from tests.support.ports import free_port


@asynccontextmanager
async def deployment_of(
    *,
    certificates: CertificatesForTests,
    services: Mapping[str, int],
    gateway: int | None = None,
    edge_ca_file: Path | None = None,
) -> AsyncIterator[Deployment]:
    """The deployment whose servers listen on these ports of this machine; nobody listens on the others'."""
    tls = certificates.of("operator")
    ports = {service: services.get(service) or free_port() for service in SERVICES}
    settings = OperatorSettings(
        tls_ca_file=tls.ca_file,
        tls_cert_file=tls.certificate_file,
        tls_key_file=tls.key_file,
        issuer=f"https://localhost:{gateway or free_port()}",
        edge_ca_file=edge_ca_file,
        identity_address=f"127.0.0.1:{ports['identity']}",
        session_address=f"127.0.0.1:{ports['session']}",
        tenancy_address=f"127.0.0.1:{ports['tenancy']}",
        audit_address=f"127.0.0.1:{ports['audit']}",
        datarights_address=f"127.0.0.1:{ports['datarights']}",
    )
    async with open_deployment(settings) as deployment:
        yield deployment
