"""The example service, as a process, in front of a backbone in the test's hands: what its five lines protect it
from."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx2
import pytest
from google.protobuf.struct_pb2 import Struct

from deploy.local.privileges import Privileges, launch
from tests.integration.sdk.backbone import Backbone
from tests.support.events import eventually
from tests.support.issuer import ISSUER
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tokens import SESSION, SUBJECT, WORKSPACE
from wardenry.errors.status import from_rpc_error
from wardenry.events.v1 import envelope_pb2

OTHER_WORKSPACE = "0192f0c0-0000-7000-8000-00000000000f"


@dataclass(frozen=True, slots=True)
class Example:
    backbone: Backbone
    http: httpx2.AsyncClient
    grpc_address: str

    async def status(self, method: str, path: str, token: str | None, text: str = "", *, patient: bool = True) -> int:
        """Of the answer. Who is patient does as a 503 says, and asks again: on a busy machine session may be slow."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        while (answer := await self.http.request(method, path, headers=headers, content=text)).status_code == 503:
            if not patient:
                break
            await asyncio.sleep(0.1)
        return answer.status_code

    async def checks_by_itself(self, token: str) -> bool:
        """Whether the good token was served without asking session: the feeds are heard."""
        before = self.backbone.tokens.introspected
        assert await self.status("GET", "/records", token) == 200
        return self.backbone.tokens.introspected == before


@pytest.fixture
async def example(tmp_path: Path) -> AsyncIterator[Example]:
    certificates = CertificatesForTests(directory=tmp_path / "pki")
    certificates.of("records")
    async with Backbone(certificates=certificates).running() as backbone:
        peers = [f"--{name}={address}" for name, address in backbone.addresses.items()]
        program = [sys.executable, "-m", "tests.support.records"]
        program += [f"--pki={tmp_path / 'pki'}", f"--issuer={ISSUER}", *peers]
        process = await asyncio.create_subprocess_exec(
            *launch(program, death_signal=signal.SIGTERM, privileges=Privileges.KEEP), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            addresses = json.loads(await process.stdout.readline())
        async with httpx2.AsyncClient(base_url=f"http://{addresses['http']}", timeout=30) as client:
            yield Example(backbone, client, addresses["grpc"])
        process.terminate()
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def test_a_record_is_created_and_its_entry_published_once(example: Example) -> None:
    token = example.backbone.token()
    example.backbone.log.failures = 1
    assert await example.status("POST", "/records/1", token, "first") == 201
    ((request, bearer),) = example.backbone.log.records.values()
    assert (request.action, request.record_kind, request.record_id) == ("record.created", "note", "1")
    assert (bearer, request.client_address) == (f"Bearer {token}", "127.0.0.1")
    answer = await example.http.get("/records", headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {"1": "first"}
    assert await example.status("PUT", "/records/1", token, "second") == 204
    assert await example.status("DELETE", "/records/1", token) == 204
    assert await example.status("DELETE", "/records/1", token) == 404
    assert [request.action for request, _ in example.backbone.log.records.values()] == [
        "record.created",
        "record.updated",
        "record.deleted",
    ]


async def test_without_an_entry_nothing_happens(example: Example) -> None:
    token = example.backbone.token()
    example.backbone.log.failures = 3
    assert await example.status("POST", "/records/1", token, "first", patient=False) == 503
    answer = await example.http.get("/records", headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {}


async def test_who_may_not_is_refused(example: Example) -> None:
    token = example.backbone.token
    assert await example.status("GET", "/records", None) == 401
    assert await example.status("GET", "/records", "rubbish") == 401
    assert await example.status("GET", "/records", token(aud=["wardenry"])) == 401
    assert await example.status("DELETE", "/records/1", token(role="member")) == 403
    assert await example.status("GET", "/records/", token()) == 403
    assert await example.status("PATCH", "/records/1", token()) == 403
    twice = [("authorization", f"Bearer {token()}"), ("authorization", f"Bearer {token()}")]
    assert (await example.http.get("/records", headers=twice)).status_code == 401
    assert example.backbone.log.records == {}


async def test_another_workspace_sees_nothing(example: Example) -> None:
    await example.status("POST", "/records/1", example.backbone.token(), "first")
    other = example.backbone.token(wid=OTHER_WORKSPACE)
    answer = await example.http.get("/records", headers={"authorization": f"Bearer {other}"})
    assert answer.json() == {}
    assert await example.status("DELETE", "/records/1", other) == 404


@pytest.mark.parametrize("what", ["session", "membership"])
async def test_what_is_taken_away_is_refused_within_a_second_while_in_use(example: Example, what: str) -> None:
    token = example.backbone.token()
    await eventually(lambda: example.checks_by_itself(token))
    if what == "session":
        example.backbone.feeds.revoked.append(SESSION)
    else:
        ended = envelope_pb2.MembershipChanged(subject=SUBJECT.bytes, workspace=WORKSPACE.bytes, epoch=4, role="")
        example.backbone.feeds.changed.append(ended)
    # Whom it asks where it has heard nothing for a second knows it too.
    example.backbone.tokens.active = False
    asked_at = revoked_at = time.monotonic()
    while await example.status("GET", "/records", token) != 401:
        assert asked_at - revoked_at < 1, "a revoked token was taken after a second"
        await asyncio.sleep(0.02)
        asked_at = time.monotonic()


async def test_a_silent_feed_means_asking_and_no_answer_means_no(example: Example) -> None:
    token = example.backbone.token()
    await eventually(lambda: example.checks_by_itself(token))
    example.backbone.feeds.answering = False
    await asyncio.sleep(1.1)
    example.backbone.tokens.active = False
    before = example.backbone.tokens.introspected
    assert await example.status("GET", "/records", token) == 401
    assert example.backbone.tokens.introspected > before


async def test_grpc_is_protected_alike(example: Example, tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(pki / "ca.crt").read_bytes(),
        private_key=(pki / "records.key").read_bytes(),
        certificate_chain=(pki / "records.crt").read_bytes(),
    )
    options = [("grpc.ssl_target_name_override", "records")]
    async with grpc.aio.secure_channel(example.grpc_address, credentials, options=options) as channel:

        async def call(method: str, token: str, **fields: str) -> Struct | str:
            request = Struct()
            request.update(fields)
            stub = channel.unary_unary(
                f"/records.v1.Records/{method}",
                request_serializer=Struct.SerializeToString,
                response_deserializer=Struct.FromString,
            )
            try:
                return await stub(request, metadata=(("authorization", f"Bearer {token}"),), timeout=30)
            except grpc.aio.AioRpcError as error:
                return from_rpc_error(error).reason_name

        good = example.backbone.token()
        assert await call("Create", good, id="7", text="seven") == Struct()
        listed = await call("List", good)
        assert isinstance(listed, Struct)
        assert dict(listed) == {"7": "seven"}
        assert await call("List", "rubbish") == "REASON_TOKEN_INVALID"
        assert await call("List", example.backbone.token(aud=["wardenry"])) == "REASON_TOKEN_INVALID"
