"""The composition root: the one place that names what identity is made of."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from libs.config.secret import read_key, read_text
from libs.crypto.blind_index import BlindIndex
from libs.crypto.keyring import LocalKeyring
from libs.crypto.password_cost import calibrated_cost
from libs.events.envelope import EnvelopeBuilder
from libs.ids import Entropy
from libs.mail.mail import MailUnavailable
from libs.outbox.cursor_client import GrpcCursorClient
from libs.rpc.server import GrpcServer
from libs.service.controls import control_handlers
from libs.service.databases import Databases
from libs.service.events import relay_of
from libs.service.mail import mailer_of
from libs.service.parts import Parts, open_parts
from libs.service.periodic import Periodic
from libs.service.serving import Work, serving
from libs.service.status import StatusHandlers
from services.identity.clients.password_hasher import BcryptHasher
from services.identity.clients.session import GrpcSessions
from services.identity.commands.authentication import AuthenticatePassword
from services.identity.commands.credential import ChangePassword
from services.identity.commands.data_key import DataKeys
from services.identity.commands.destruction import RemoveRemains
from services.identity.commands.expiry import RemoveExpired
from services.identity.commands.mail import DeliverMail
from services.identity.commands.own_keys import LogKeysInProcess, PersonalDataInProcess
from services.identity.commands.registration import Register, VerifyRegistration
from services.identity.commands.subject import GetContacts, GetSubject
from services.identity.commands.subject_data import SubjectData
from services.identity.commands.ticket import RedeemTicket
from services.identity.commands.vault import (
    AdoptInvitationKey,
    DestroyKeys,
    EnsurePublicKeys,
    GetReaderKeys,
    GetTagKeys,
)
from services.identity.config import IdentitySettings
from services.identity.server.authentication import AuthenticationHandlers
from services.identity.server.credential import CredentialHandlers
from services.identity.server.errors import ERRORS
from services.identity.server.registration import RegistrationHandlers
from services.identity.server.subject import SubjectHandlers
from services.identity.server.ticket import TicketHandlers
from services.identity.server.vault import VaultHandlers
from services.identity.store.destruction import PostgresDestructions
from services.identity.store.expiry import PostgresExpiry
from services.identity.store.mail import PostgresMailQueue
from services.identity.store.unit_of_work import PostgresStore
from services.identity.store.vault import PostgresVault
from wardenry.clock import Clock
from wardenry.controls.v1.control_pb2_grpc import add_ControlServiceServicer_to_server
from wardenry.datarights.v1.participant_pb2_grpc import add_SubjectDataServiceServicer_to_server
from wardenry.identity.v1.authentication_pb2_grpc import add_AuthenticationServiceServicer_to_server
from wardenry.identity.v1.credential_pb2_grpc import add_CredentialServiceServicer_to_server
from wardenry.identity.v1.registration_pb2_grpc import add_RegistrationServiceServicer_to_server
from wardenry.identity.v1.subject_pb2_grpc import add_SubjectServiceServicer_to_server
from wardenry.identity.v1.ticket_pb2_grpc import add_TicketServiceServicer_to_server
from wardenry.identity.v1.vault_pb2_grpc import add_VaultServiceServicer_to_server
from wardenry.participant import SubjectDataHandlers
from wardenry.session.v1.session_pb2_grpc import SessionServiceStub
from wardenry.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from wardenry.verifier import TokenVerifier

_log = logging.getLogger(__name__)


async def serve(settings: IdentitySettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. What identity needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed, OSError.
    """
    async with (
        open_parts(settings) as parts,
        Databases(settings, observer=parts.observer) as databases,
        parts.verifier() as verifier,
    ):
        with closing(_hasher(settings, parts.entropy)) as hasher:
            identity = Identity(settings, parts=parts, databases=databases, hasher=hasher)
            async with serving(identity.server(verifier), databases=databases, works=identity.works):
                await stopping.wait()
            # Judged and written down before the databases are closed.
            await hasher.drain()


#: Seconds between looks at an empty queue of mail: how long a code waits at most.
_MAIL_SECONDS = 0.5
_EXPIRY_SECONDS = 60.0


class Identity:
    """What identity is made of, for one process."""

    def __init__(self, settings: IdentitySettings, *, parts: Parts, databases: Databases, hasher: BcryptHasher) -> None:
        """Raises SecretInvalid, OSError."""
        self._parts = parts
        self._limits = parts.limits(settings)
        clock, ids, entropy = parts.clock, parts.ids, parts.entropy
        blind_index = BlindIndex(root_key=read_key(settings.blind_index_key_file), service=settings.service)
        store = PostgresStore(
            database=databases.runtime, envelopes=EnvelopeBuilder(source=settings.service, entropy=entropy)
        )
        vault_database = databases.add(
            settings.vault_database_url_file, name="identity vault", size=settings.vault_connections
        )
        vault = PostgresVault(database=vault_database)
        keyring = LocalKeyring.load(settings.keyring_file, entropy=entropy)
        data_keys = DataKeys(store=vault, provider=keyring, clock=clock, ids=ids, entropy=entropy)
        public_keys, tag_keys = EnsurePublicKeys(data_keys=data_keys), GetTagKeys(data_keys=data_keys)
        personal_data = PersonalDataInProcess(data_keys=data_keys, entropy=entropy)
        log_keys = LogKeysInProcess(public_keys=public_keys, tag_keys=tag_keys)
        get_contacts = GetContacts(store=store, personal_data=personal_data)
        get_subject = GetSubject(get_contacts=get_contacts)
        sessions = GrpcSessions(stub=SessionServiceStub(parts.channel("session")))
        self._registration = RegistrationHandlers(
            register=Register(
                store=store,
                personal_data=personal_data,
                hasher=hasher,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
                entropy=entropy,
                origin=settings.origin,
            ),
            verify=VerifyRegistration(
                store=store,
                personal_data=personal_data,
                log_keys=log_keys,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
                entropy=entropy,
            ),
        )
        self._authentication = AuthenticationHandlers(
            authenticate_password=AuthenticatePassword(
                store=store,
                log_keys=log_keys,
                hasher=hasher,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
                entropy=entropy,
            )
        )
        self._credential = CredentialHandlers(
            change_password=ChangePassword(
                store=store,
                get_subject=get_subject,
                log_keys=log_keys,
                hasher=hasher,
                sessions=sessions,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
            )
        )
        self._subject_data = SubjectData(
            store=store,
            get_contacts=get_contacts,
            personal_data=personal_data,
            sessions=sessions,
            clock=clock,
            ids=ids,
        )
        self._subject = SubjectHandlers(get_subject=get_subject, get_contacts=get_contacts)
        self._ticket = TicketHandlers(redeem_ticket=RedeemTicket(store=store, clock=clock))
        self._vault = partial(
            VaultHandlers,
            ensure_public_keys=public_keys,
            get_reader_keys=GetReaderKeys(data_keys=data_keys),
            get_tag_keys=tag_keys,
            adopt_invitation_key=AdoptInvitationKey(store=vault, clock=clock),
            destroy_keys=DestroyKeys(vault=vault, data_keys=data_keys, store=store, clock=clock, ids=ids),
        )
        self._controls = control_handlers(
            settings.service, databases=databases, further_databases={"vault": vault_database}
        )
        deliver_mail = DeliverMail(
            queue=PostgresMailQueue(database=databases.jobs),
            personal_data=personal_data,
            mailer=mailer_of(settings, parts=parts),
            clock=clock,
        )
        remove_expired = RemoveExpired(expiry=PostgresExpiry(database=databases.jobs), clock=clock)
        consumers = [GrpcCursorClient(name=name, channel=parts.channel(name)) for name in ("session", "audit")]
        self._status = StatusHandlers(settings.service, databases=databases, consumers=consumers, clock=clock)
        self.works: Sequence[Work] = (
            Periodic(
                name="mail", work=deliver_mail.all, seconds=_MAIL_SECONDS, clock=clock, outages=(MailUnavailable,)
            ).run,
            Periodic(name="expiry", work=remove_expired, seconds=_EXPIRY_SECONDS, clock=clock).run,
            relay_of(settings, parts=parts, databases=databases, consumers=consumers),
            *_maintenance(settings, clock),
        )

    def server(self, verifier: TokenVerifier) -> GrpcServer:
        """The server, with everything that it serves."""
        server = self._parts.server(errors=ERRORS, verifier=verifier, limits=self._limits)
        server.add(add_RegistrationServiceServicer_to_server, self._registration)
        server.add(add_AuthenticationServiceServicer_to_server, self._authentication)
        server.add(add_CredentialServiceServicer_to_server, self._credential)
        server.add(add_SubjectServiceServicer_to_server, self._subject)
        server.add(add_TicketServiceServicer_to_server, self._ticket)
        warrants = self._parts.warrants(verifier.keys)
        server.add(add_VaultServiceServicer_to_server, self._vault(warrants=warrants))
        server.add(add_ControlServiceServicer_to_server, self._controls)
        server.add(add_StatusServiceServicer_to_server, self._status)
        server.add(
            add_SubjectDataServiceServicer_to_server,
            SubjectDataHandlers(participant=self._subject_data, warrants=warrants),
        )
        return server


def _maintenance(settings: IdentitySettings, clock: Clock) -> list[Work]:
    if settings.vault_maintenance_database_url_file is None:
        _log.warning("the vault: no maintenance role is set, so destroyed keys stay in its files for long")
        return []
    destructions = PostgresDestructions(url=read_text(settings.vault_maintenance_database_url_file))
    remove_remains = RemoveRemains(destructions=destructions, clock=clock)
    seconds = settings.vault_maintenance_seconds
    return [Periodic(name="vault maintenance", work=remove_remains, seconds=seconds, clock=clock).run]


def _hasher(settings: IdentitySettings, entropy: Entropy) -> BcryptHasher:
    return BcryptHasher(
        pepper=read_key(settings.pepper_file),
        cost=calibrated_cost(target_seconds=settings.password_hash_seconds, cpu_seconds=time.thread_time),
        threads=settings.hashing_threads,
        most_waiting=settings.password_hash_queue,
        entropy=entropy,
    )
