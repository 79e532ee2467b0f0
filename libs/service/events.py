"""Events out and in, as every service sends them and takes them in."""

import socket
from collections.abc import Callable, Sequence

from libs.db.context import Context
from libs.events.consumer import Consumer
from libs.events.envelope import EnvelopeBuilder
from libs.events.intake import Handler, Intake, logs_of
from libs.events.mac_keys import load_mac_key, load_mac_keys
from libs.events.parked_records import ParkedReader
from libs.events.parked_service import ParkedRecordServicer
from libs.events.producer import Producer
from libs.events.record import Record
from libs.events.retry import ParkedRetry
from libs.outbox.cursors import CursorClient
from libs.outbox.relay import Relay
from libs.service.databases import Databases
from libs.service.parts import Parts
from libs.service.retry_log import EmittedRetries
from libs.service.serving import Work
from libs.service.settings import DatabaseSettings


def relay_of(
    settings: DatabaseSettings, *, parts: Parts, databases: Databases, consumers: Sequence[CursorClient]
) -> Work:
    """Sends what the outbox holds, for ever. `consumers` are all who take it in: a row leaves once each has it.

    Raises SecretInvalid.
    """
    source, mac_key = settings.service, load_mac_key(settings.mac_keys_directory, settings.service)

    async def run() -> None:
        producer = Producer(
            bootstrap=settings.kafka_bootstrap,
            source=source,
            mac_key=mac_key,
            clock=parts.clock,
            idempotence=settings.kafka_idempotence,
        )
        relay = Relay(
            source=source,
            database=databases.relay,
            producer=producer,
            consumers=consumers,
            clock=parts.clock,
            observer=parts.observer,
        )
        try:
            await producer.open()
            await relay.run()
        finally:
            await producer.close()

    return run


def consumer_of(
    settings: DatabaseSettings, *, parts: Parts, sources: Sequence[str], intake: Intake, batch: int = 2000
) -> Consumer:
    """Takes in the events of `sources`, at most `batch` at a time. Raises SecretInvalid."""
    service = settings.service
    return Consumer(
        bootstrap=settings.kafka_bootstrap,
        group=service,
        member=f"{service}-{socket.gethostname()}-{settings.listen.rpartition(':')[2]}",
        sources=sources,
        mac_keys=load_mac_keys(settings.mac_keys_directory, sources),
        intake=intake,
        clock=parts.clock,
        batch=batch,
    )


def parked_records_of(
    settings: DatabaseSettings,
    *,
    parts: Parts,
    databases: Databases,
    sources: Sequence[str],
    handler: Handler,
    context: Callable[[Sequence[Record]], Context] = logs_of,
) -> ParkedRecordServicer:
    """Shows what was set aside, and gives `handler` again what failed: `context` and the rest as the intake of these
    events has them. Raises SecretInvalid."""
    mac_keys = load_mac_keys(settings.mac_keys_directory, sources)
    return ParkedRecordServicer(
        reader=ParkedReader(database=databases.runtime, mac_keys=mac_keys),
        retry=ParkedRetry(
            database=databases.runtime,
            handler=handler,
            mac_keys=mac_keys,
            log=EmittedRetries(
                consumer=settings.service,
                envelopes=EnvelopeBuilder(source=settings.service, entropy=parts.entropy),
                ids=parts.ids,
                clock=parts.clock,
            ),
            context=context,
            observer=parts.observer,
        ),
    )
