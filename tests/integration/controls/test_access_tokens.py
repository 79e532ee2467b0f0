"""Control S1: session over mutual TLS, its keys over HTTPS, and every way in which tokens are not as promised."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import jwt
import pytest

from libs.controls.deployment import Deployment, examine
from libs.controls.examined import Examined, Finding
from libs.controls.exhibits import ACCESS_TOKEN, NOBODY
from libs.controls.probes import s1_access_tokens
from libs.controls.servicer import ControlHandlers
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SILENT
from services.session.commands.control import ExamineTokens
from services.session.commands.token import AccessTokens, TokenIssuer
from services.session.domain.access_token import Claims
from services.session.server.errors import ERRORS
from services.session.server.token import TokenHandlers
from services.session.store.signing_key import PostgresSigningKeys
from tests.support.controls import deployment_of
from tests.support.https import https_server
from tests.support.limits import UNLIMITED
from tests.support.mutual_tls import CertificatesForTests
from tests.support.postgres import ServiceDatabases
from tests.support.session import SessionForTests
from wardenry.channels import open_channel
from wardenry.clock import SystemClock
from wardenry.controls.v1 import control_pb2, control_pb2_grpc
from wardenry.errors.error import InvalidArgument, NotFound, PermissionDenied
from wardenry.errors.status import from_rpc_error
from wardenry.session.v1 import token_pb2_grpc

JWKS = "/.well-known/jwks.json"
SYMMETRIC = b"a key that both sides know, 32 B."


class Symmetric(AccessTokens):
    """A signer that anybody who can verify can sign like."""

    def sign(self, claims: Claims) -> str:
        body = {"iss": "", "iat": int(claims.issued_at.timestamp()), "exp": int(claims.expires_at.timestamp())}
        return jwt.encode(body, SYMMETRIC, algorithm="HS256", headers={"kid": "shared", "typ": "at+jwt"})


@dataclass
class Running:
    """Session and a gateway, and what the test changes of them before they are probed."""

    session: SessionForTests
    certificates: CertificatesForTests
    answers: dict[str, bytes] = field(default_factory=dict)
    life: timedelta = timedelta(minutes=10)
    period: timedelta = timedelta(days=30)
    signer: type[AccessTokens] = AccessTokens

    @asynccontextmanager
    async def deployment(self) -> AsyncIterator[Deployment]:
        self.answers.setdefault(JWKS, self.session.keys.jwks.encode())
        async with https_server(self.certificates.of("localhost"), self.answers) as gateway:
            server = self._server(issuer=f"https://localhost:{gateway}")
            async with (
                server,
                deployment_of(
                    certificates=self.certificates,
                    services={"session": server.port},
                    gateway=gateway,
                    edge_ca_file=self.certificates.of("localhost").ca_file,
                ) as deployment,
            ):
                yield deployment

    def _server(self, *, issuer: str) -> GrpcServer:
        session = self.session
        examine_tokens = ExamineTokens(
            issuer=TokenIssuer(
                access=self.signer(issuer=issuer, keys=session.keys),
                refresh=session.refresh_keys,
                ids=session.ids,
                life=self.life,
            ),
            keys=PostgresSigningKeys(database=session.runtime),
            period=self.period,
            token_life=self.life,
            ids=session.ids,
            entropy=NoEntropy(),
        )
        server = GrpcServer(
            listen="127.0.0.1:0",
            tls=self.certificates.of("session"),
            errors=ERRORS,
            verifier=session.verifier,
            clock=session.clock,
            observer=SILENT,
            limits=UNLIMITED,
            grace=1.0,
        )
        server.add(
            control_pb2_grpc.add_ControlServiceServicer_to_server,
            ControlHandlers(examinations={"S1": examine_tokens}),
        )
        handlers = TokenHandlers(
            create_grant=session.create_grant,
            refresh=session.refresh,
            exchange=session.exchange,
            introspect=session.introspect,
            keys=session.keys,
            audience="wardenry",
        )
        server.add(token_pb2_grpc.add_TokenServiceServicer_to_server, handlers)
        return server

    async def probed(self) -> Examined:
        async with self.deployment() as deployment:
            return await s1_access_tokens.probe(deployment, clock=SystemClock())


class NoEntropy:
    """What it gives is for nobody."""

    def bytes(self, size: int) -> bytes:
        return bytes(size)


@pytest.fixture
async def running(service_database: ServiceDatabases, tmp_path: Path) -> AsyncIterator[Running]:
    async with SessionForTests(service_database("session")) as session:
        yield Running(session=session, certificates=CertificatesForTests(directory=tmp_path / "pki"))


async def test_tokens_are_as_promised(running: Running) -> None:
    examined = await running.probed()
    assert (examined.findings, examined.unknown) == ((), ())
    assert examined.facts == (
        "a token issued now: EdDSA, its key is published, good for 600 seconds",
        "gateway: 2 keys published, all public (OKP Ed25519)",
        "session: the current key has signed for 0.0 days of 30.0 days; 1 next, 0 retired",
        "introspection refuses it: its session is nobody's",
    )


async def test_the_issued_token_is_good_for_nothing(running: Running) -> None:
    async with running.deployment() as deployment:
        token = (await examine(deployment, "session", "S1")).exhibits[ACCESS_TOKEN].decode()
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == [NOBODY]
    assert "wid" not in claims
    for column, claim in (("subject_id", "sub"), ("session_id", "sid")):
        rows = await running.session.as_owner(
            f"SELECT count(*) AS known FROM session WHERE {column} = $1", UUID(claims[claim])
        )
        assert rows[0]["known"] == 0
    assert await running.session.introspect(token) is None


async def test_tokens_of_sixteen_minutes_are_found(running: Running) -> None:
    running.life = timedelta(minutes=16)
    assert (await running.probed()).findings == (Finding("the issued token", "is good for 960 seconds, more than 900"),)


async def test_a_symmetric_signer_is_found(running: Running) -> None:
    running.signer = Symmetric
    key = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"}
    running.answers[JWKS] = json.dumps({"keys": [key]}).encode()
    assert set((await running.probed()).findings) == {
        Finding("the issued token", "is signed with HS256, which no public key verifies"),
        Finding("key shared", "shows what is secret (k)"),
        Finding("key shared", "is of kind oct, which is not an asymmetric one"),
    }


async def test_a_key_that_the_gateway_adds_is_found(running: Running) -> None:
    keys = json.loads(running.session.keys.jwks)["keys"]
    running.answers[JWKS] = json.dumps({"keys": [*keys, {**keys[0], "kid": "another"}]}).encode()
    assert (await running.probed()).findings == (Finding("key another", "is published, and session does not know it"),)


async def test_a_key_that_is_not_published_is_found(running: Running) -> None:
    keys = json.loads(running.session.keys.jwks)["keys"]
    current = running.session.keys.signer.key_id
    running.answers[JWKS] = json.dumps({"keys": [key for key in keys if key["kid"] != current]}).encode()
    assert (await running.probed()).findings == (
        Finding("the issued token", f"is signed with key {current}, which is not published"),
    )


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (
            "UPDATE signing_key SET current_from = now() - interval '31 days' WHERE state = 'current'",
            "has signed for 31.0 days, though keys rotate after 30.0 days",
        ),
        ("DELETE FROM signing_key WHERE state = 'next'", "no next key is published, so none can take over"),
        (
            "UPDATE signing_key SET state = 'retired', current_from = now() - interval '9 days',"
            " retired_at = now() - interval '2 days' WHERE state = 'next'",
            "was retired 2.0 days ago and is still accepted",
        ),
    ],
)
async def test_a_key_that_is_too_old_is_found(running: Running, statement: str, what: str) -> None:
    await running.session.as_owner(statement)
    assert what in {finding.what for finding in (await running.probed()).findings}


async def test_what_is_no_key_set_is_found(running: Running) -> None:
    running.answers[JWKS] = b"<html>"
    (finding,) = (await running.probed()).findings
    assert finding.where.endswith(JWKS)


async def test_what_one_side_shows_stands_while_the_other_does_not_answer(running: Running) -> None:
    await running.session.as_owner("DELETE FROM signing_key WHERE state = 'next'")
    async with running.deployment() as deployment:
        del running.answers[JWKS]
        without_keys = await s1_access_tokens.probe(deployment, clock=SystemClock())
    assert without_keys.unknown == (f"the gateway answers 404 to GET {JWKS}",)
    assert [finding.where for finding in without_keys.findings] == ["signing keys"]
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}
    published = {JWKS: json.dumps({"keys": [shared]}).encode()}
    tls = running.certificates.of("localhost")
    async with (
        https_server(tls, published) as gateway,
        deployment_of(
            certificates=running.certificates, services={}, gateway=gateway, edge_ca_file=tls.ca_file
        ) as deployment,
    ):
        without_session = await s1_access_tokens.probe(deployment, clock=SystemClock())
    assert [why.partition(" at ")[0] for why in without_session.unknown] == ["session"]
    assert {finding.where for finding in without_session.findings} == {"key shared"}


async def test_without_either_nothing_is_known(running: Running) -> None:
    async with deployment_of(certificates=running.certificates, services={}) as nobody:
        examined = await s1_access_tokens.probe(nobody, clock=SystemClock())
    assert (examined.facts, examined.findings, len(examined.unknown)) == ((), (), 2)


async def test_the_operator_alone_may_ask_and_for_what_there_is(running: Running) -> None:
    async with running.deployment() as deployment:
        address = deployment.address("session")
        for peer, control, refusal in (
            ("gateway", "S1", PermissionDenied),
            ("tenancy", "S1", PermissionDenied),
            ("operator", "D1", NotFound),
            ("operator", "everything", InvalidArgument),
        ):
            async with open_channel(target=address, peer="session", tls=running.certificates.of(peer)) as channel:
                stub = control_pb2_grpc.ControlServiceStub(channel)
                with pytest.raises(refusal):
                    await translated(stub.Examine(control_pb2.ExamineRequest(control=control)))


async def translated(call: Any) -> Any:
    """The answer; refusals as the types that they left as."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
