"""The composition root: the one place that names what session is made of."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from libs.config.secret import SecretInvalid
from libs.crypto.keyring import LocalKeyring
from libs.crypto.vault import VaultClient
from libs.events.cursor_service import CursorServicer
from libs.events.cursors import CursorReader
from libs.events.envelope import EnvelopeBuilder
from libs.events.intake import Intake
from libs.feed.fanout import Fanout
from libs.feed.reader import FeedReader
from libs.feed.replica import Replicas
from libs.outbox.cursor_client import GrpcCursorClient
from libs.rpc.server import GrpcServer
from libs.service.controls import control_handlers
from libs.service.databases import Databases
from libs.service.events import consumer_of, parked_records_of, relay_of
from libs.service.parts import Parts, open_parts
from libs.service.serving import Work, serving
from libs.service.status import StatusHandlers
from services.session.clients.membership import GrpcMemberships
from services.session.clients.membership_feed import HeardMemberships
from services.session.clients.ticket import GrpcTickets
from services.session.clients.vault import VaultSeals, VaultTagKeys
from services.session.commands.control import ExamineTokens
from services.session.commands.grant import CreateGrant, ExchangeToken
from services.session.commands.introspection import Introspect, Liveness, OwnVerifier, SignedTokens
from services.session.commands.page import PageTokens
from services.session.commands.refresh import Refresh
from services.session.commands.revocation import EndSessions, EndSubject
from services.session.commands.session import GATEWAY_AUDIENCE, CreateSession, ListSessions
from services.session.commands.signing_key import RotateSigningKeys, SigningKeySet
from services.session.commands.standing import Standings
from services.session.commands.subject_data import SubjectData
from services.session.commands.token import AccessTokens, TokenIssuer
from services.session.commands.warrant import AuthorizeRequest, ForgetRequest, IssueWarrant
from services.session.config import SessionSettings
from services.session.consumers.identity import IdentityEvents, subjects_of
from services.session.domain.grant import Pace
from services.session.domain.membership import SessionPolicy
from services.session.domain.refresh_token import RefreshKeys
from services.session.domain.revocation import Revocation
from services.session.jobs.upkeep import Upkeep
from services.session.server.errors import ERRORS
from services.session.server.revocation import RevocationHandlers
from services.session.server.session import SessionHandlers
from services.session.server.token import TokenHandlers
from services.session.server.warrant import WarrantHandlers
from services.session.store.introspection import PostgresJudge
from services.session.store.past import PostgresPast
from services.session.store.refresh import PostgresRefreshStore
from services.session.store.revocation import PostgresRevocationSource
from services.session.store.signing_key import PostgresSigningKeyRotation, PostgresSigningKeys
from services.session.store.unit_of_work import PostgresUnitsOfWork
from wardenry.controls.v1.control_pb2_grpc import add_ControlServiceServicer_to_server
from wardenry.datarights.v1 import participant_pb2_grpc
from wardenry.events.v1 import cursor_pb2_grpc, parked_pb2_grpc
from wardenry.feed import Feed
from wardenry.identity.v1 import ticket_pb2_grpc, vault_pb2_grpc
from wardenry.participant import SubjectDataHandlers
from wardenry.revocations import REMEMBERED
from wardenry.session.v1 import revocation_pb2_grpc, session_pb2_grpc, token_pb2_grpc, warrant_pb2_grpc
from wardenry.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from wardenry.tenancy.v1 import membership_pb2, membership_pb2_grpc

_PAGE_LABEL = b"wardenry session page token v1"


async def serve(settings: SessionSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. What session needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed, OSError.
    """
    async with open_parts(settings) as parts, Databases(settings, observer=parts.observer) as databases:
        session = Session(settings, parts=parts, databases=databases)
        async with serving(
            session.server(), databases=databases, works=session.works, is_ready=session.has_signing_key
        ):
            await stopping.wait()


class Session:
    """What session is made of, for one process."""

    def __init__(self, settings: SessionSettings, *, parts: Parts, databases: Databases) -> None:
        """Raises SecretInvalid, OSError."""
        self._parts = parts
        self._limits = parts.limits(settings)
        clock, ids, entropy = parts.clock, parts.ids, parts.entropy
        identity, tenancy = parts.channel("identity"), parts.channel("tenancy")
        envelopes = EnvelopeBuilder(source=settings.service, entropy=entropy)
        token_life = timedelta(seconds=settings.access_token_seconds)
        policy = SessionPolicy(
            idle=timedelta(seconds=settings.idle_seconds), absolute=timedelta(seconds=settings.absolute_seconds)
        )
        refresh_keys = _refresh_keys(settings.refresh_key_file)
        keyring = LocalKeyring.load(settings.keyring_file, entropy=entropy)
        fanout: Fanout[Revocation] = Fanout(clock=clock)
        revocations = FeedReader(
            source=PostgresRevocationSource(database=databases.jobs),
            fanout=fanout,
            replicas=Replicas(database=databases.jobs, own=ids.uuid7()),
            clock=clock,
        )
        work = PostgresUnitsOfWork(database=databases.runtime, ids=ids, envelopes=envelopes, feed=revocations)
        vault = VaultClient(stub=vault_pb2_grpc.VaultServiceStub(identity), clock=clock)
        seals, tags = VaultSeals(vault=vault, entropy=entropy), VaultTagKeys(vault=vault, clock=clock)

        heard = HeardMemberships(clock=clock)
        standings = Standings(
            memberships=GrpcMemberships(stub=membership_pb2_grpc.MembershipServiceStub(tenancy)),
            feed=heard,
        )
        stored_keys = PostgresSigningKeys(database=databases.runtime)
        signing_keys = SigningKeySet(keys=stored_keys, provider=keyring)
        access = AccessTokens(issuer=settings.issuer, keys=signing_keys)
        issuer = TokenIssuer(access=access, refresh=refresh_keys, ids=ids, life=token_life)
        reader = SignedTokens(issuer=settings.issuer, keys=signing_keys, clock=clock)
        liveness = Liveness(judge=PostgresJudge(database=databases.runtime))
        self._verifier = OwnVerifier(reader=reader, liveness=liveness, standings=standings)
        end_subject = EndSubject(work=work, clock=clock, ids=ids)
        events = IdentityEvents(end_subject=end_subject, within=work.within)
        self._cursors = CursorReader(name=settings.service, database=databases.runtime)

        self._sessions = SessionHandlers(
            create=CreateSession(
                work=work,
                tickets=GrpcTickets(stub=ticket_pb2_grpc.TicketServiceStub(identity)),
                standings=standings,
                seals=seals,
                tags=tags,
                issuer=issuer,
                policy=policy,
                clock=clock,
                ids=ids,
                entropy=entropy,
            ),
            listing=ListSessions(work=work, seals=seals, pages=PageTokens(key=refresh_keys.derived(_PAGE_LABEL))),
            end=EndSessions(work=work, tags=tags, clock=clock, ids=ids),
            end_subject=end_subject,
        )
        self._tokens = TokenHandlers(
            create_grant=CreateGrant(
                work=work, standings=standings, tags=tags, issuer=issuer, clock=clock, ids=ids, entropy=entropy
            ),
            refresh=Refresh(
                store=PostgresRefreshStore(database=databases.runtime),
                work=work,
                envelopes=envelopes,
                standings=standings,
                keys=refresh_keys,
                issuer=issuer,
                tags=tags,
                ids=ids,
                pace=Pace(burst=settings.refresh_burst, interval=timedelta(seconds=settings.refresh_interval_seconds)),
                batch_size=settings.batch_size,
            ),
            exchange=ExchangeToken(
                work=work,
                access=access,
                tags=tags,
                audiences=settings.exchange_audiences,
                life=timedelta(seconds=settings.exchanged_token_seconds),
                clock=clock,
                ids=ids,
            ),
            introspect=Introspect(reader=reader, liveness=liveness, standings=standings),
            keys=signing_keys,
            audience=GATEWAY_AUDIENCE,
        )
        self._subject_data = SubjectDataHandlers(
            participant=SubjectData(work=work, seals=seals, clock=clock, ids=ids),
            warrants=parts.warrants(signing_keys),
        )
        signing_period = timedelta(seconds=settings.signing_key_seconds)
        examine_tokens = ExamineTokens(
            issuer=issuer, keys=stored_keys, period=signing_period, token_life=token_life, ids=ids, entropy=entropy
        )
        self._controls = control_handlers(settings.service, databases=databases, examinations={"S1": examine_tokens})
        upkeep = Upkeep(
            rotate=RotateSigningKeys(
                rotation=PostgresSigningKeyRotation(database=databases.jobs),
                provider=keyring,
                entropy=entropy,
                period=signing_period,
                token_life=token_life,
            ),
            keys=signing_keys,
            past=PostgresPast(database=databases.jobs),
            remembered=REMEMBERED,
            clock=clock,
        )
        self._revocations = RevocationHandlers(fanout=fanout)
        self._warrants = WarrantHandlers(
            authorize=AuthorizeRequest(work=work),
            forget=ForgetRequest(work=work),
            issue=IssueWarrant(work=work, keys=signing_keys, issuer=settings.issuer, life=token_life, clock=clock),
        )
        self._signing_keys = signing_keys
        memberships = Feed(
            name="tenancy",
            watch=membership_pb2_grpc.MembershipServiceStub(tenancy).WatchMemberships,
            request=lambda tick, applied: membership_pb2.WatchMembershipsRequest(tick=tick, applied=applied),
            apply=heard.apply,
            lease=heard.lease,
        )
        intake = Intake(
            database=databases.runtime, handler=events, clock=clock, context=subjects_of, observer=parts.observer
        )
        self._parked = parked_records_of(
            settings, parts=parts, databases=databases, sources=["identity"], handler=events, context=subjects_of
        )
        # Audit alone takes in session's events.
        consumers = [GrpcCursorClient(name="audit", channel=parts.channel("audit"))]
        self._status = StatusHandlers(settings.service, databases=databases, consumers=consumers, clock=clock)
        self.works: Sequence[Work] = (
            memberships.run,
            upkeep.signing_keys,
            upkeep.revocations,
            upkeep.sessions,
            revocations.run,
            consumer_of(settings, parts=parts, sources=["identity"], intake=intake).run,
            relay_of(settings, parts=parts, databases=databases, consumers=consumers),
        )

    def has_signing_key(self) -> bool:
        """Whether there is a key to sign tokens with: the first is made soon after the first start."""
        return self._signing_keys.loaded

    def server(self) -> GrpcServer:
        """The server, with everything that it serves. Session judges tokens by its own rows."""
        server = self._parts.server(errors=ERRORS, verifier=self._verifier, limits=self._limits)
        server.add(session_pb2_grpc.add_SessionServiceServicer_to_server, self._sessions)
        server.add(token_pb2_grpc.add_TokenServiceServicer_to_server, self._tokens)
        server.add(revocation_pb2_grpc.add_RevocationServiceServicer_to_server, self._revocations)
        server.add(participant_pb2_grpc.add_SubjectDataServiceServicer_to_server, self._subject_data)
        server.add(warrant_pb2_grpc.add_WarrantServiceServicer_to_server, self._warrants)
        server.add(add_ControlServiceServicer_to_server, self._controls)
        server.add(add_StatusServiceServicer_to_server, self._status)
        server.add(cursor_pb2_grpc.add_CursorServiceServicer_to_server, CursorServicer(cursors=self._cursors))
        server.add(parked_pb2_grpc.add_ParkedRecordServiceServicer_to_server, self._parked)
        return server


def _refresh_keys(file: Path) -> RefreshKeys:
    try:
        return RefreshKeys.of_bytes(file.read_bytes())
    except ValueError as error:
        raise SecretInvalid(f"{file}: {error}") from None
