"""The service as it runs: over mutual TLS, with mail caught, a stand-in for session, and no broker."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.crypto.keyring import new_keyring
from libs.ids import PLATFORM, SystemEntropy
from services.identity.config import IdentitySettings
from services.identity.wiring import serve
from tests.support.events import eventually
from tests.support.events import running as while_running
from tests.support.issuer import ISSUER, Issuer
from tests.support.mutual_tls import CertificatesForTests
from tests.support.ports import free_port
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.channels import open_channel
from wardenry.errors.error import (
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    WardenryError,
)
from wardenry.errors.status import from_rpc_error
from wardenry.identity.v1 import (
    authentication_pb2,
    credential_pb2,
    registration_pb2,
    subject_pb2,
    ticket_pb2,
    vault_pb2,
)
from wardenry.identity.v1.authentication_pb2_grpc import AuthenticationServiceStub
from wardenry.identity.v1.credential_pb2_grpc import CredentialServiceStub
from wardenry.identity.v1.registration_pb2_grpc import RegistrationServiceStub
from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceStub
from wardenry.identity.v1.ticket_pb2_grpc import TicketServiceStub
from wardenry.identity.v1.vault_pb2_grpc import VaultServiceStub
from wardenry.session.v1 import session_pb2, session_pb2_grpc, token_pb2, token_pb2_grpc

BROWSER = b"b" * 32
PASSWORD = "correct horse battery staple"
CLIENT = (("wardenry-client-address", "192.0.2.7"), ("wardenry-client-agent", "Mozilla%2F5.0"))


class Mailbox(Message):
    def __init__(self) -> None:
        super().__init__()
        self.mails: list[EmailMessage] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@dataclass
class SessionForTests(session_pb2_grpc.SessionServiceServicer, token_pb2_grpc.TokenServiceServicer):
    """What identity asks of session."""

    issuer: Issuer = field(default_factory=Issuer)
    ended: list[session_pb2.EndSubjectRequest] = field(default_factory=list)

    async def EndSubject(self, request: session_pb2.EndSubjectRequest, context: Any) -> session_pb2.EndSubjectResponse:
        self.ended.append(request)
        return session_pb2.EndSubjectResponse()

    async def GetKeys(self, request: token_pb2.GetKeysRequest, context: Any) -> token_pb2.GetKeysResponse:
        return token_pb2.GetKeysResponse(jwks=json.dumps({"keys": [self.issuer.jwk]}))

    async def Introspect(self, request: token_pb2.IntrospectRequest, context: Any) -> token_pb2.IntrospectResponse:
        return token_pb2.IntrospectResponse(active=True)


@dataclass(kw_only=True)
class Running:
    """A running identity, and what stands around it."""

    address: str
    certificates: CertificatesForTests
    mailbox: Mailbox
    session: SessionForTests
    session_server: grpc.aio.Server
    database: ServiceDatabase

    @asynccontextmanager
    async def as_peer(self, name: str) -> AsyncIterator[grpc.aio.Channel]:
        async with open_channel(target=self.address, peer="identity", tls=self.certificates.of(name)) as channel:
            yield channel

    def token_of(self, subject: str, session: UUID) -> tuple[tuple[str, str], ...]:
        now = int(time.time())
        token = self.session.issuer.token(
            sub=subject,
            sid=str(session),
            sep=1,
            iat=now,
            exp=now + 600,
            auth_time=now,
        )
        return (*CLIENT, ("authorization", f"Bearer {token}"))

    async def code(self, count: int = 1) -> str:
        async def came() -> bool:
            return len(self.mailbox.mails) >= count

        await eventually(came)
        return "".join(filter(str.isdigit, str(self.mailbox.mails[-1].get_payload()).splitlines()[0]))


@pytest.fixture
async def running(service_database: ServiceDatabases, tmp_path: Path) -> AsyncIterator[Running]:
    identity, vault = service_database("identity"), service_database("vault")
    certificates = CertificatesForTests(directory=tmp_path / "pki")
    mailbox, session = Mailbox(), SessionForTests()
    # Its own name is said in greetings; else it would be asked for, of a DNS that may be slow.
    smtp = Controller(mailbox, hostname="127.0.0.1", port=free_port(), ready_timeout=60, server_hostname="localhost")
    smtp.start()
    session_server = grpc.aio.server()
    session_pb2_grpc.add_SessionServiceServicer_to_server(session, session_server)
    token_pb2_grpc.add_TokenServiceServicer_to_server(session, session_server)
    session_port = session_server.add_secure_port("127.0.0.1:0", certificates.of("session").server_credentials())
    await session_server.start()
    port = free_port()
    settings = settings_of(tmp_path, identity, vault, certificates, smtp.port, session_port, port)
    async with while_running(serve(settings, asyncio.Event())):
        running = Running(
            address=f"127.0.0.1:{port}",
            certificates=certificates,
            mailbox=mailbox,
            session=session,
            session_server=session_server,
            database=identity,
        )
        await ready(running)
        yield running
    await session_server.stop(None)
    smtp.stop()


def settings_of(
    directory: Path,
    identity: ServiceDatabase,
    vault: ServiceDatabase,
    certificates: CertificatesForTests,
    smtp_port: int,
    session_port: int,
    port: int,
) -> IdentitySettings:
    def file(name: str, content: str | bytes) -> Path:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    tls = certificates.of("identity")
    return IdentitySettings(
        tls_ca_file=tls.ca_file,
        tls_cert_file=tls.certificate_file,
        tls_key_file=tls.key_file,
        listen=f"127.0.0.1:{port}",
        session_address=f"127.0.0.1:{session_port}",
        tenancy_address=f"127.0.0.1:{free_port()}",
        audit_address=f"127.0.0.1:{free_port()}",
        kafka_bootstrap=f"127.0.0.1:{free_port()}",
        issuer=ISSUER,
        mac_keys_directory=file("mac-keys/identity.key", b"m" * 32).parent,
        database_url_file=file("runtime.url", identity.runtime),
        relay_database_url_file=file("relay.url", identity.relay),
        jobs_database_url_file=file("jobs.url", identity.jobs),
        vault_database_url_file=file("vault.url", vault.runtime),
        keyring_file=file("keyring.json", new_keyring(SystemEntropy())),
        pepper_file=file("pepper.key", b"p" * 32),
        blind_index_key_file=file("blind-index.key", b"i" * 32),
        password_hash_seconds=0.001,
        smtp_port=smtp_port,
    )


async def ready(running: Running) -> None:
    async with running.as_peer("operator") as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)

        async def serves() -> bool:
            try:
                answer = await health.Check(health_pb2.HealthCheckRequest(service="ready"))
            except grpc.aio.AioRpcError:  # it does not listen yet
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

        await eventually(serves)


async def register(channel: grpc.aio.Channel, address: str, password: str = PASSWORD) -> str:
    registration_id = str(uuid4())
    request = registration_pb2.RegisterRequest(
        registration_id=registration_id,
        address=address,
        password=password,
        display_name="Ada",
        browser_binding=BROWSER,
    )
    await RegistrationServiceStub(channel).Register(request, metadata=CLIENT)
    return registration_id


async def sign_up(running: Running, channel: grpc.aio.Channel, address: str) -> Any:
    registration_id = await register(channel, address)
    request = registration_pb2.VerifyRegistrationRequest(
        registration_id=registration_id, code=await running.code(), browser_binding=BROWSER
    )
    return await RegistrationServiceStub(channel).VerifyRegistration(request, metadata=CLIENT)


def sign_in(channel: grpc.aio.Channel, address: str, password: str = PASSWORD, **fields: Any) -> Any:
    request = authentication_pb2.AuthenticateRequest(
        browser_binding=BROWSER,
        password=authentication_pb2.PasswordStep(address=address, password=password),
        **fields,
    )
    return AuthenticationServiceStub(channel).Authenticate(request, metadata=CLIENT)


async def refusal(call: Any) -> WardenryError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)


async def test_from_sign_up_to_a_redeemed_ticket(running: Running) -> None:
    async with running.as_peer("gateway") as gateway, running.as_peer("session") as session:
        registered = await sign_up(running, gateway, "ada@example.org")
        mail = running.mailbox.mails[0]
        assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == (
            "ada@example.org",
            "no-reply@localhost",
            "auto-generated",
        )
        signed_in = await sign_in(gateway, "ada@example.org", device_token=registered.device_token)
        assert signed_in.device_token == b""
        redemption = await TicketServiceStub(session).RedeemTicket(
            ticket_pb2.RedeemTicketRequest(ticket=signed_in.ticket, browser_binding=BROWSER, redemption_id=str(uuid4()))
        )
        assert (redemption.subject_id, redemption.subject_epoch) == (registered.subject_id, 1)
        assert (list(redemption.amr), redemption.acr, redemption.registered) == (["pwd"], "aal1", False)
        owner = vault_pb2.KeyOwner(
            subject=vault_pb2.KeyOwner.SubjectInWorkspace(subject_id=registered.subject_id, workspace_id=str(PLATFORM))
        )
        keys = await VaultServiceStub(session).EnsurePublicKeys(
            vault_pb2.EnsurePublicKeysRequest(reader="audit", owners=[owner])
        )
        assert list(keys.keys) == [redemption.audit_key]


async def test_a_person_reads_and_changes_what_is_theirs(running: Running) -> None:
    async with running.as_peer("gateway") as gateway:
        subject_id = (await sign_up(running, gateway, "ada@example.org")).subject_id
        session_id = uuid4()
        user = running.token_of(subject_id, session_id)
        subject = await SubjectServiceStub(gateway).GetSubject(subject_pb2.GetSubjectRequest(), metadata=user)
        assert (subject.subject_id, subject.display_name, subject.address) == (
            subject_id,
            "Ada",
            "ada@example.org",
        )
        request = credential_pb2.ChangePasswordRequest(
            current_password=PASSWORD, new_password="an entirely different passphrase"
        )
        changed = await CredentialServiceStub(gateway).ChangePassword(request, metadata=user)
        assert changed.subject_epoch == 2
        (ended,) = running.session.ended
        assert (ended.subject_id, ended.epoch, ended.keep_session_id) == (subject_id, 2, str(session_id))


async def test_a_change_is_unavailable_without_session(running: Running) -> None:
    async with running.as_peer("gateway") as gateway:
        subject_id = (await sign_up(running, gateway, "ada@example.org")).subject_id
        user = running.token_of(subject_id, uuid4())
        await SubjectServiceStub(gateway).GetSubject(subject_pb2.GetSubjectRequest(), metadata=user)
        await running.session_server.stop(None)
        request = credential_pb2.ChangePasswordRequest(
            current_password=PASSWORD, new_password="an entirely different passphrase"
        )
        error = await refusal(CredentialServiceStub(gateway).ChangePassword(request, metadata=user))
        assert isinstance(error, Unavailable)


async def test_refusals_on_the_wire(running: Running) -> None:
    async with running.as_peer("gateway") as gateway:
        error = await refusal(sign_in(gateway, "nobody@example.org"))
        assert isinstance(error, Unauthenticated)
        assert error.reason_name == "REASON_CREDENTIALS_INVALID"
        assert error.retry_after is not None
        # On a busy machine the first seconds may be over before the next attempt; each one doubles them.
        while not isinstance(delayed := await refusal(sign_in(gateway, "NOBODY@example.org")), ResourceExhausted):
            assert delayed.reason_name == "REASON_CREDENTIALS_INVALID"
        assert delayed.reason_name == "REASON_AUTHENTICATION_DELAYED"
        assert delayed.retry_after is not None
        wrong = await refusal(sign_in(gateway, "no address"))
        assert isinstance(wrong, InvalidArgument)
        assert [violation.field for violation in wrong.violations] == ["address"]
        weak = await refusal(register(gateway, "ada@example.org", "password1234"))
        assert weak.reason_name == "REASON_PASSWORD_WEAK"
        assert weak.metadata["feedback"]
        request = registration_pb2.VerifyRegistrationRequest(
            registration_id=str(uuid4()), code="12345678", browser_binding=BROWSER
        )
        code = await refusal(RegistrationServiceStub(gateway).VerifyRegistration(request, metadata=CLIENT))
        assert code.reason_name == "REASON_CODE_INVALID"


async def test_peers_get_what_is_theirs_alone(running: Running) -> None:
    async with running.as_peer("gateway") as gateway, running.as_peer("tenancy") as tenancy:
        redeem = ticket_pb2.RedeemTicketRequest(ticket=b"t" * 32, browser_binding=BROWSER, redemption_id=str(uuid4()))
        destroy = vault_pb2.DestroyKeysRequest(subject_id=str(uuid4()))
        for channel in (gateway, tenancy):
            assert isinstance(await refusal(TicketServiceStub(channel).RedeemTicket(redeem)), PermissionDenied)
            assert isinstance(await refusal(VaultServiceStub(channel).DestroyKeys(destroy)), PermissionDenied)
        assert isinstance(await refusal(sign_in(tenancy, "ada@example.org")), PermissionDenied)
        registered = await sign_up(running, gateway, "ada@example.org")
        asked = subject_pb2.GetContactsRequest(subject_ids=[registered.subject_id, str(uuid4())])
        contacts = await SubjectServiceStub(tenancy).GetContacts(asked)
        assert [(contact.subject_id, contact.address) for contact in contacts.contacts] == [
            (registered.subject_id, "ada@example.org")
        ]


async def test_a_persons_keys_are_destroyed_under_the_persons_warrant_alone(running: Running) -> None:
    async with running.as_peer("gateway") as gateway, running.as_peer("datarights") as datarights:
        ada = UUID((await sign_up(running, gateway, "ada@example.org")).subject_id)
        vault = VaultServiceStub(datarights)
        owner = vault_pb2.KeyOwner(
            subject=vault_pb2.KeyOwner.SubjectInWorkspace(subject_id=str(ada), workspace_id=str(PLATFORM))
        )
        asked = vault_pb2.EnsurePublicKeysRequest(reader="audit", owners=[owner])
        issuer, stranger = running.session.issuer, Issuer(key_id="test-1", seed=bytes(32))
        now = int(time.time())
        for bad in (
            "",
            issuer.warrant(sub=str(ada), right="access", at=now),
            issuer.warrant(sub=str(uuid4()), right="erasure", at=now),
            issuer.warrant(sub=str(ada), right="erasure", at=now - 3600),
            stranger.warrant(sub=str(ada), right="erasure", at=now),
            issuer.token(sub=str(ada), iat=now, exp=now + 600),
        ):
            for workspace in ("", str(PLATFORM)):
                request = vault_pb2.DestroyKeysRequest(subject_id=str(ada), workspace_id=workspace, warrant=bad)
                assert isinstance(await refusal(vault.DestroyKeys(request)), PermissionDenied)
        for warrant in ("", issuer.warrant(sub=str(ada), right="erasure", at=now)):
            request = vault_pb2.DestroyKeysRequest(workspace_id=str(uuid4()), warrant=warrant)
            assert isinstance(await refusal(vault.DestroyKeys(request)), PermissionDenied)
        (key,) = (await vault.EnsurePublicKeys(asked)).keys
        assert not key.destroyed
        good = issuer.warrant(sub=str(ada), right="erasure", at=now)
        assert (await vault.DestroyKeys(vault_pb2.DestroyKeysRequest(subject_id=str(ada), warrant=good))).destroyed == 1
        (key,) = (await vault.EnsurePublicKeys(asked)).keys
        assert key.destroyed


async def test_nothing_secret_is_logged(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running.as_peer("gateway") as gateway:
        await sign_up(running, gateway, "ada.lovelace@example.org")
        code = await running.code()
        await refusal(sign_in(gateway, "ada.lovelace@example.org", "wrong horse battery staple"))
    # The catcher of this test logs what it catches, in this process.
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")
    for secret in ("lovelace", "battery staple", code):
        assert secret not in logged
