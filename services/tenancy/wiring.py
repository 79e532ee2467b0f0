"""The composition root: the one place that names what tenancy is made of."""

import asyncio
from collections.abc import Sequence

from libs.config.secret import read_key
from libs.crypto.blind_index import BlindIndex
from libs.crypto.vault import VaultClient
from libs.events.envelope import EnvelopeBuilder
from libs.feed.fanout import Fanout
from libs.feed.reader import FeedReader
from libs.feed.replica import Replicas
from libs.outbox.cursor_client import GrpcCursorClient
from libs.rpc.rules import rules_of
from libs.rpc.server import GrpcServer
from libs.service.controls import control_handlers
from libs.service.databases import Databases
from libs.service.events import relay_of
from libs.service.mail import mailer_of
from libs.service.parts import Parts, open_parts
from libs.service.periodic import Periodic
from libs.service.serving import Work, serving
from libs.service.status import StatusHandlers
from services.tenancy.clients.address_index import BlindAddressIndex
from services.tenancy.clients.identity import GrpcContacts
from services.tenancy.clients.vault import VaultKeys
from services.tenancy.commands.backlog import BacklogCommands
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.commands.denial import RecordDenial
from services.tenancy.commands.invitation import InvitationCommands
from services.tenancy.commands.membership import MembershipCommands
from services.tenancy.commands.offer import OfferCommands
from services.tenancy.commands.permission import PermissionCommands
from services.tenancy.commands.platform import InviteFounder
from services.tenancy.commands.subject_data import SubjectData
from services.tenancy.commands.workspace import WorkspaceCommands
from services.tenancy.config import TenancySettings
from services.tenancy.domain.errors import KeysUnavailable
from services.tenancy.domain.membership import ChangedMembership
from services.tenancy.server.denial import Denials
from services.tenancy.server.errors import ERRORS
from services.tenancy.server.invitation import InvitationHandlers
from services.tenancy.server.membership import MembershipHandlers
from services.tenancy.server.permission import PermissionHandlers
from services.tenancy.server.platform import PlatformHandlers
from services.tenancy.server.workspace import WorkspaceHandlers
from services.tenancy.store.backlog import PostgresBacklog
from services.tenancy.store.membership_change import PostgresMembershipSource
from services.tenancy.store.unit_of_work import PostgresStore
from wardenry.controls.v1.control_pb2_grpc import add_ControlServiceServicer_to_server
from wardenry.datarights.v1.participant_pb2_grpc import add_SubjectDataServiceServicer_to_server
from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceStub
from wardenry.identity.v1.vault_pb2_grpc import VaultServiceStub
from wardenry.participant import SubjectDataHandlers
from wardenry.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from wardenry.tenancy.v1 import invitation_pb2, membership_pb2, permission_pb2, workspace_pb2
from wardenry.tenancy.v1.invitation_pb2_grpc import add_InvitationServiceServicer_to_server
from wardenry.tenancy.v1.membership_pb2_grpc import add_MembershipServiceServicer_to_server
from wardenry.tenancy.v1.permission_pb2_grpc import add_PermissionServiceServicer_to_server
from wardenry.tenancy.v1.platform_pb2_grpc import add_PlatformServiceServicer_to_server
from wardenry.tenancy.v1.workspace_pb2_grpc import add_WorkspaceServiceServicer_to_server
from wardenry.verifier import TokenVerifier

#: Seconds between looks at what is due. Commands wake the first two at once.
_MAIL_SECONDS = 5.0
_ADOPTION_SECONDS = 30.0
_PRUNE_SECONDS = 60.0


async def serve(settings: TenancySettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. What tenancy needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed, OSError.
    """
    async with (
        open_parts(settings) as parts,
        Databases(settings, observer=parts.observer) as databases,
        parts.verifier() as verifier,
    ):
        tenancy = Tenancy(settings, parts=parts, databases=databases)
        async with serving(tenancy.server(verifier), databases=databases, works=tenancy.works):
            await stopping.wait()


class Tenancy:
    """What tenancy is made of, for one process."""

    def __init__(self, settings: TenancySettings, *, parts: Parts, databases: Databases) -> None:
        """Raises SecretInvalid, OSError."""
        self._parts = parts
        self._limits = parts.limits(settings)
        clock, ids, entropy = parts.clock, parts.ids, parts.entropy
        identity = parts.channel("identity")
        changes: Fanout[ChangedMembership] = Fanout(clock=clock)
        feed = FeedReader(
            source=PostgresMembershipSource(database=databases.jobs),
            fanout=changes,
            replicas=Replicas(database=databases.jobs, own=ids.uuid7()),
            clock=clock,
        )
        store = PostgresStore(
            database=databases.runtime,
            envelopes=EnvelopeBuilder(source=settings.service, entropy=entropy),
            feed=feed,
        )
        vault = VaultKeys(client=VaultClient(stub=VaultServiceStub(identity), clock=clock), entropy=entropy)
        contacts = GrpcContacts(stub=SubjectServiceStub(identity))
        recorder = Recorder(ids=ids, clock=clock, vault=vault)
        index = BlindAddressIndex(
            BlindIndex(root_key=read_key(settings.blind_index_key_file), service=settings.service)
        )
        self._denials = Denials(
            record=RecordDenial(store=store, recorder=recorder), permissions=_permissions_by_method()
        )
        backlog = BacklogCommands(
            backlog=PostgresBacklog(database=databases.jobs),
            vault=vault,
            mailer=mailer_of(settings, parts=parts),
            entropy=entropy,
            clock=clock,
            origin=settings.origin,
        )
        mailing = Periodic(
            name="mailing invitations",
            work=backlog.mail_invitations,
            seconds=_MAIL_SECONDS,
            clock=clock,
            outages=(KeysUnavailable,),
        )
        adoption = Periodic(
            name="adopting keys",
            work=backlog.adopt_keys,
            seconds=_ADOPTION_SECONDS,
            clock=clock,
            outages=(KeysUnavailable,),
        )
        pruning = Periodic(name="deleting what has aged", work=backlog.prune, seconds=_PRUNE_SECONDS, clock=clock)
        # Audit alone takes in tenancy's events; session follows the feed.
        consumers = [GrpcCursorClient(name="audit", channel=parts.channel("audit"))]
        self._status = StatusHandlers(settings.service, databases=databases, consumers=consumers, clock=clock)
        self.works: Sequence[Work] = (
            mailing.run,
            adoption.run,
            pruning.run,
            feed.run,
            relay_of(settings, parts=parts, databases=databases, consumers=consumers),
        )
        self._subject_data = SubjectData(store=store, vault=vault, contacts=contacts, index=index, clock=clock, ids=ids)
        self._workspaces = WorkspaceHandlers(
            workspaces=WorkspaceCommands(
                store=store, vault=vault, contacts=contacts, recorder=recorder, region=settings.home_region
            ),
            denials=self._denials,
        )
        self._memberships = MembershipHandlers(
            memberships=MembershipCommands(store=store, vault=vault, recorder=recorder),
            denials=self._denials,
            changes=changes,
        )
        self._invitations = InvitationHandlers(
            invitations=InvitationCommands(
                store=store,
                vault=vault,
                contacts=contacts,
                index=index,
                recorder=recorder,
                clock=clock,
                mail_waits=mailing.wake,
                adoption_waits=adoption.wake,
            ),
            offers=OfferCommands(store=store, vault=vault, recorder=recorder, clock=clock, ids=ids),
            denials=self._denials,
        )
        self._permissions = PermissionHandlers(permissions=PermissionCommands(store=store))
        self._controls = control_handlers(settings.service, databases=databases)
        self._platform = PlatformHandlers(
            invite_founder=InviteFounder(
                store=store,
                vault=vault,
                index=index,
                clock=clock,
                ids=ids,
                entropy=entropy,
                region=settings.home_region,
                origin=settings.origin,
                mail_waits=mailing.wake,
            )
        )

    def server(self, verifier: TokenVerifier) -> GrpcServer:
        """The server, with everything that it serves."""
        server = self._parts.server(
            errors=ERRORS, verifier=verifier, limits=self._limits, on_denied=self._denials.refused
        )
        server.add(add_WorkspaceServiceServicer_to_server, self._workspaces)
        server.add(add_MembershipServiceServicer_to_server, self._memberships)
        server.add(add_InvitationServiceServicer_to_server, self._invitations)
        server.add(add_PermissionServiceServicer_to_server, self._permissions)
        server.add(add_ControlServiceServicer_to_server, self._controls)
        server.add(add_StatusServiceServicer_to_server, self._status)
        server.add(add_PlatformServiceServicer_to_server, self._platform)
        server.add(
            add_SubjectDataServiceServicer_to_server,
            SubjectDataHandlers(participant=self._subject_data, warrants=self._parts.warrants(verifier.keys)),
        )
        return server


def _permissions_by_method() -> dict[str, str]:
    contracts = (workspace_pb2, membership_pb2, invitation_pb2, permission_pb2)
    services = [service for each in contracts for service in each.DESCRIPTOR.services_by_name.values()]
    return {method: rule.permission for method, rule in rules_of(services).items()}
