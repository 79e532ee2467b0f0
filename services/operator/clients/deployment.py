"""The deployment as the operator reaches it: every service under mutual TLS, the gateway over HTTPS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from libs.config.settings import SettingsInvalid, variable_of
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
    """The deployment that the settings name; its channels are closed at the end. Raises SettingsInvalid, OSError."""
    check_credentials(settings)
    async with AsyncExitStack() as stack:
        yield Deployment(settings=settings, stack=stack)


def check_credentials(settings: OperatorSettings) -> None:
    """Whether the files that say who we are and whom we trust can be used, before anything is asked with them: gRPC and
    TLS would say of each server that it cannot be reached. Raises SettingsInvalid, OSError."""
    tls = settings.tls
    for field, file in (("tls_ca_file", tls.ca_file), ("edge_ca_file", settings.edge_ca_file)):
        try:
            if file is not None:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            raise SettingsInvalid(f"{variable_of(OperatorSettings, field)}: {file} holds no certificate.") from None
    certificate = variable_of(OperatorSettings, "tls_cert_file"), variable_of(OperatorSettings, "tls_key_file")
    try:
        # A key under a pass phrase is refused; OpenSSL would ask the terminal for it, and gRPC cannot use it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(tls.certificate_file, tls.key_file, password=lambda: b"")
    except ssl.SSLError as error:
        why = (error.reason or "").replace("_", " ").lower() or "they cannot be read"
        raise SettingsInvalid(f"{' and '.join(certificate)} are no certificate and its key: {why}.") from None
