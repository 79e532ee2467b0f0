"""The composition root: the one place that names what datarights is made of."""

import asyncio
from collections.abc import Sequence

from libs.config.secret import SecretInvalid, read_key
from libs.crypto.vault import VaultClient
from libs.events.envelope import EnvelopeBuilder
from libs.outbox.cursor_client import GrpcCursorClient
from libs.rpc.authentication import Verifier
from libs.rpc.server import GrpcServer
from libs.service.controls import control_handlers
from libs.service.databases import Databases
from libs.service.events import relay_of
from libs.service.parts import Parts, open_parts
from libs.service.periodic import Periodic
from libs.service.serving import Work, serving
from libs.service.status import StatusHandlers
from services.datarights.clients.objects import ObstoreObjects
from services.datarights.clients.participants import GrpcParticipants
from services.datarights.clients.vault import IdentityVault
from services.datarights.clients.warrants import GrpcWarrants
from services.datarights.commands.archive import RemoveArchives
from services.datarights.commands.fulfilment import Fulfil
from services.datarights.commands.gathering import AssembleArchive, GatherPart, ReadArchive
from services.datarights.commands.request import CreateRequest, FetchArchive, ReadRequests
from services.datarights.commands.sealing import SealedObjects
from services.datarights.config import DatarightsSettings
from services.datarights.domain.errors import ObjectsUnavailable
from services.datarights.domain.request import PARTICIPANTS
from services.datarights.server.errors import ERRORS
from services.datarights.server.request import RequestHandlers
from services.datarights.store.backlog import PostgresBacklog
from services.datarights.store.unit_of_work import PostgresUnitsOfWork
from wardenry.controls.v1.control_pb2_grpc import add_ControlServiceServicer_to_server
from wardenry.datarights.v1.participant_pb2_grpc import SubjectDataServiceStub
from wardenry.datarights.v1.request_pb2_grpc import add_RequestServiceServicer_to_server
from wardenry.identity.v1.vault_pb2_grpc import VaultServiceStub
from wardenry.log.note import NoteSigner
from wardenry.session.v1.warrant_pb2_grpc import WarrantServiceStub
from wardenry.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server

#: Seconds between looks at what is due. A new request wakes the first at once.
_REQUEST_SECONDS = 5.0
_ARCHIVE_SECONDS = 60.0
#: Requests that one process works on at once.
_WORKERS = 4


async def serve(settings: DatarightsSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. What datarights needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed, OSError.
    """
    async with (
        open_parts(settings) as parts,
        Databases(settings, observer=parts.observer) as databases,
        parts.verifier() as verifier,
    ):
        datarights = Datarights(settings, parts=parts, databases=databases)
        async with serving(datarights.server(verifier), databases=databases, works=datarights.works):
            await stopping.wait()


class Datarights:
    """What datarights is made of, for one process."""

    def __init__(self, settings: DatarightsSettings, *, parts: Parts, databases: Databases) -> None:
        """Raises SecretInvalid, OSError."""
        self._parts = parts
        self._limits = parts.limits(settings)
        clock, ids, entropy = parts.clock, parts.ids, parts.entropy
        signer = NoteSigner(name=settings.archive_key_name, seed=read_key(settings.archive_key_file))
        work = PostgresUnitsOfWork(
            database=databases.runtime, envelopes=EnvelopeBuilder(source=settings.service, entropy=entropy)
        )
        keys = VaultServiceStub(parts.channel("identity"))
        vault = IdentityVault(client=VaultClient(stub=keys, clock=clock), stub=keys)
        warrants = GrpcWarrants(stub=WarrantServiceStub(parts.channel("session")))
        participants = GrpcParticipants(
            stubs={name: SubjectDataServiceStub(parts.channel(name)) for name in PARTICIPANTS}
        )
        sealed = SealedObjects(objects=_objects(settings.object_store_url), vault=vault, entropy=entropy)
        gather = GatherPart(work=work, participants=participants, warrants=warrants, sealed=sealed, clock=clock)
        backlog = PostgresBacklog(database=databases.jobs)
        fulfil = Fulfil(
            work=work,
            backlog=backlog,
            vault=vault,
            warrants=warrants,
            participants=participants,
            gather=gather,
            assemble=AssembleArchive(gather=gather, sealed=sealed, signer=signer, clock=clock),
            sealed=sealed,
            clock=clock,
            ids=ids,
        )
        # A request whose participant is slow keeps one of them, and the others go on.
        workers = [
            Periodic(name=f"requests {number}", work=fulfil.all, seconds=_REQUEST_SECONDS, clock=clock)
            for number in range(1, _WORKERS + 1)
        ]

        def wake() -> None:
            for worker in workers:
                worker.wake()

        archives = Periodic(
            name="old archives",
            work=RemoveArchives(backlog=backlog, sealed=sealed, clock=clock),
            seconds=_ARCHIVE_SECONDS,
            clock=clock,
            outages=(ObjectsUnavailable,),
        )
        self._requests = RequestHandlers(
            create=CreateRequest(
                work=work,
                vault=vault,
                warrants=warrants,
                participants=participants,
                clock=clock,
                ids=ids,
                waits=wake,
            ),
            reading=ReadRequests(work=work),
            fetch=FetchArchive(work=work, vault=vault, read=ReadArchive(sealed=sealed), clock=clock, ids=ids),
            archive_keys=(str(signer.key),),
            clock=clock,
        )
        self._controls = control_handlers(settings.service, databases=databases)
        # Audit alone takes in datarights' events.
        consumers = [GrpcCursorClient(name="audit", channel=parts.channel("audit"))]
        self._status = StatusHandlers(settings.service, databases=databases, consumers=consumers, clock=clock)
        self.works: Sequence[Work] = (
            *(worker.run for worker in workers),
            archives.run,
            relay_of(settings, parts=parts, databases=databases, consumers=consumers),
        )

    def server(self, verifier: Verifier) -> GrpcServer:
        """The server, with everything that it serves."""
        server = self._parts.server(errors=ERRORS, verifier=verifier, limits=self._limits)
        server.add(add_RequestServiceServicer_to_server, self._requests)
        server.add(add_ControlServiceServicer_to_server, self._controls)
        server.add(add_StatusServiceServicer_to_server, self._status)
        return server


def _objects(url: str) -> ObstoreObjects:
    try:
        return ObstoreObjects(url=url)
    except ValueError as error:
        raise SecretInvalid(f"WARDENRY_DATARIGHTS_OBJECT_STORE_URL: {error}") from None
