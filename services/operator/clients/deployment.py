"""The deployment as the operator reaches it: every service under mutual TLS, the gateway over HTTPS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from libs.rpc.channel import open_channel
from libs.telemetry.observer import SilentObserver
from services.operator.config import OperatorSettings
from wardenry.credentials import TlsFiles


class Deployment:
    """Where everything is, and channels under the certificate "operator". Nothing has to run yet."""

    def __init__(self, *, settings: OperatorSettings, stack: AsyncExitStack) -> None:
        """What is opened is closed by `stack`."""
        self.settings = settings
        self._stack = stack
        self._channels: dict[str, grpc.aio.Channel] = {}

    @property
    def tls(self) -> TlsFiles:
        """Our certificate, its key, and the authority of the peers."""
        return self.settings.tls

    @property
    def gateway(self) -> str:
        """The gateway's https origin, which is the issuer of every token."""
        return self.settings.issuer

    def address(self, service: str) -> str:
        """host:port of a service."""
        address: str = getattr(self.settings, f"{service}_address")
        return address

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to a service; one each. Its calls raise wardenry.errors.error types. Raises OSError."""
        if service not in self._channels:
            channel = open_channel(target=self.address(service), peer=service, tls=self.tls, observer=SilentObserver())
            self._stack.push_async_callback(channel.close)
            self._channels[service] = channel
        return self._channels[service]

    def edge_context(self) -> ssl.SSLContext:
        """How the gateway's certificate is judged: by the edge's authority, or by those that this machine trusts.

        Raises OSError, ssl.SSLError.
        """
        context = ssl.create_default_context(cafile=self.settings.edge_ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@asynccontextmanager
async def open_deployment(settings: OperatorSettings) -> AsyncIterator[Deployment]:
    """The deployment that the settings name; its channels are closed at the end."""
    async with AsyncExitStack() as stack:
        yield Deployment(settings=settings, stack=stack)
