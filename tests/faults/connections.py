"""Connections to a running stack's services under a certificate of one of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from tests.support.stack import LocalStack
from wardenry.channels import open_channel
from wardenry.clock import SystemClock
from wardenry.credentials import TlsFiles
from wardenry.verification import follow
from wardenry.verifier import TokenVerifier


@asynccontextmanager
async def connected(stack: LocalStack, peer: str, *, own: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to `peer` as the service `own`."""
    pki = Path(stack.state["pki"])
    tls = TlsFiles(ca_file=pki / "ca.crt", certificate_file=pki / f"{own}.crt", key_file=pki / f"{own}.key")
    async with open_channel(target=stack.state["addresses"][peer], peer=peer, tls=tls) as channel:
        yield channel


@asynccontextmanager
async def verifier(stack: LocalStack, *, own: str) -> AsyncIterator[TokenVerifier]:
    """The SDK's verifier, as a product's service has it."""
    async with connected(stack, "session", own=own) as session, connected(stack, "tenancy", own=own) as tenancy:
        issuer = stack.state["urls"]["https"]
        async with follow(issuer=issuer, session=session, tenancy=tenancy, clock=SystemClock()) as following:
            yield following
