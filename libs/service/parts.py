"""What every service is made of, beside what is its own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import grpc

from libs.config.settings import Settings
from libs.ids import Entropy, Ids, SystemEntropy, Uuid7Ids
from libs.rpc.authentication import Verifier
from libs.rpc.channel import open_channel
from libs.rpc.errors import ErrorTable
from libs.rpc.interceptor import DeniedHook
from libs.rpc.server import GrpcServer
from libs.telemetry.observation import open_observer
from libs.telemetry.observer import Observer
from wardenry.clock import Clock, SystemClock
from wardenry.verification import follow
from wardenry.verifier import TokenVerifier
from wardenry.warrants import PublicKeys, WarrantVerifier


class Parts:
    """Time, randomness, identifiers, telemetry, and what leads to the peers and from them."""

    def __init__(self, *, settings: Settings, observer: Observer, clock: Clock, stack: AsyncExitStack) -> None:
        """What is opened is closed by `stack`."""
        self.clock = clock
        self.entropy: Entropy = SystemEntropy()
        self.ids: Ids = Uuid7Ids(clock=clock, entropy=self.entropy)
        self.observer = observer
        #: Share of the traces that begin here which are sampled. Where nothing is recorded here no callee shall record.
        self.trace_ratio = settings.trace_ratio if observer.recording else 0.0
        self._settings = settings
        self._stack = stack
        self._channels: dict[str, grpc.aio.Channel] = {}

    def channel(self, peer: str) -> grpc.aio.Channel:
        """The channel to a peer; one each. The peer does not have to be there yet. Raises OSError."""
        if peer not in self._channels:
            target: str = getattr(self._settings, f"{peer}_address")
            channel = open_channel(target=target, peer=peer, tls=self._settings.tls, observer=self.observer)
            self._stack.push_async_callback(channel.close)
            self._channels[peer] = channel
        return self._channels[peer]

    def verifier(self) -> AbstractAsyncContextManager[TokenVerifier]:
        """Judges access tokens by what session and tenancy tell, as every service does."""
        return follow(
            issuer=self._settings.issuer,
            session=self.channel("session"),
            tenancy=self.channel("tenancy"),
            clock=self.clock,
        )

    def warrants(self, keys: PublicKeys) -> WarrantVerifier:
        """Judges warrants by the issuer's keys."""
        return WarrantVerifier(issuer=self._settings.issuer, keys=keys, clock=self.clock)

    def server(self, *, errors: ErrorTable, verifier: Verifier, on_denied: DeniedHook | None = None) -> GrpcServer:
        """The server, to which the service adds its handlers."""
        settings = self._settings
        return GrpcServer(
            listen=settings.listen,
            tls=settings.tls,
            errors=errors,
            verifier=verifier,
            clock=self.clock,
            observer=self.observer,
            trace_ratio=self.trace_ratio,
            on_denied=on_denied,
            reflection=settings.reflection,
        )


@asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """The parts of a service; what they opened is closed at the end."""
    clock = SystemClock()
    async with (
        open_observer(service=settings.service, endpoint=settings.otlp_endpoint, clock=clock) as observer,
        AsyncExitStack() as stack,
    ):
        yield Parts(settings=settings, observer=observer, clock=clock, stack=stack)
