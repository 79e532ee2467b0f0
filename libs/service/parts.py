"""What every service is made of, beside what is its own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import grpc
from redis.asyncio import Redis

from libs.cache.client import open_client
from libs.cache.limit import Rate, RateLimit
from libs.config.settings import Settings
from libs.ids import Entropy, Ids, SystemEntropy, Uuid7Ids
from libs.rpc.authentication import Verifier
from libs.rpc.channel import open_channel
from libs.rpc.errors import ErrorTable
from libs.rpc.interceptor import DeniedHook
from libs.rpc.limits import Limits
from libs.rpc.server import GrpcServer
from libs.service.settings import LimitSettings
from libs.telemetry.observation import open_observer
from libs.telemetry.observer import Observer
from wardenry.clock import Clock, SystemClock
from wardenry.options.v1 import options_pb2
from wardenry.options.v1.options_pb2 import LimitClass
from wardenry.verification import follow
from wardenry.verifier import TokenVerifier
from wardenry.warrants import PublicKeys, WarrantVerifier


class Parts:
    """Time, randomness, identifiers, telemetry, and what leads to the peers and from them."""

    def __init__(
        self, *, settings: Settings, observer: Observer, valkey: Redis, clock: Clock, stack: AsyncExitStack
    ) -> None:
        """What is opened is closed by `stack`."""
        self.clock = clock
        self.valkey = valkey
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

    def limits(self, settings: LimitSettings) -> Limits:
        """Counts the calls of the service, those of all its processes together while Valkey answers."""
        rates = {
            options_pb2.LIMIT_CLASS_STANDARD: settings.standard_rate,
            options_pb2.LIMIT_CLASS_AUTHENTICATION: settings.authentication_rate,
            options_pb2.LIMIT_CLASS_BULK: settings.bulk_rate,
        }
        return {limit_class: self._limit(limit_class, calls) for limit_class, calls in rates.items()}

    def _limit(self, limit_class: LimitClass.ValueType, calls: int) -> RateLimit:
        name = f"{self._settings.service} {LimitClass.Name(limit_class)}"
        return RateLimit(name=name, rate=Rate.a_minute(calls), client=self.valkey, clock=self.clock)

    def server(
        self, *, errors: ErrorTable, verifier: Verifier, limits: Limits, on_denied: DeniedHook | None = None
    ) -> GrpcServer:
        """The server, to which the service adds its handlers."""
        settings = self._settings
        return GrpcServer(
            listen=settings.listen,
            tls=settings.tls,
            errors=errors,
            verifier=verifier,
            clock=self.clock,
            observer=self.observer,
            limits=limits,
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
        open_client(settings.valkey_url) as valkey,
        AsyncExitStack() as stack,
    ):
        yield Parts(settings=settings, observer=observer, valkey=valkey, clock=clock, stack=stack)
