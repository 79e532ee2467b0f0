"""What probes make of what services say about themselves: over mutual TLS and HTTPS, with what contradicts it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from libs.controls.deployment import SERVICES, Unreachable
from libs.controls.examination import Examination
from libs.controls.examined import Examined, Finding
from libs.controls.log_sample import PLATFORM_LOG
from libs.controls.probes import l3_immutability, s1_access_tokens, t2_row_security, t4_coverage
from libs.controls.row_security.examination import (
    COVERED,
    POLICIES,
    QUERIES,
    ROWS,
    SEEN,
    TABLES,
    TENANT_POLICIES,
    TENANT_TABLES,
)
from libs.ids import PLATFORM
from services.operator.clients.deployment import Deployment
from services.operator.clients.tokens import ProbedTokens
from services.operator.domain.ports import Unseen
from tests.support.control_server import control_server
from tests.support.controls import deployment_of
from tests.support.https import https_server
from tests.support.mutual_tls import CertificatesForTests
from tests.unit.log.exports import LOG, ORIGIN, SIGNER, Log, event, record
from tests.unit.merkle import naive_tree
from wardenry.clock import SystemClock
from wardenry.log.checkpoint import Checkpoint, log_origin, sign_checkpoint
from wardenry.log.note import NoteSigner
from wardenry.log.tree import leaf_hash

CLOCK = SystemClock()
KEYS = "/.well-known/wardenry-log-keys"
CHECKPOINT = f"/audit/{PLATFORM}/checkpoint"
WHERE = "the platform log, its published checkpoint"


def said(examined: Examined) -> Examination:
    async def examination() -> Examined:
        return examined

    return examination


@asynccontextmanager
async def deployment(
    certificates: CertificatesForTests,
    control: str,
    examinations: Mapping[str, Examined],
    *,
    answers: Mapping[str, bytes] | None = None,
) -> AsyncIterator[Deployment]:
    """Services that say this of the control, and a gateway that answers so."""
    async with AsyncExitStack() as stack:
        ports = {
            service: await stack.enter_async_context(
                control_server(service, {control: said(examined)}, certificates=certificates)
            )
            for service, examined in examinations.items()
        }
        tls = certificates.of("localhost")
        gateway = await stack.enter_async_context(https_server(tls, answers or {}))
        yield await stack.enter_async_context(
            deployment_of(certificates=certificates, services=ports, gateway=gateway, edge_ca_file=tls.ca_file)
        )


def figures(**changes: int) -> dict[str, int]:
    whole = {
        TABLES: 10,
        TENANT_TABLES: 5,
        POLICIES: 40,
        TENANT_POLICIES: 25,
        COVERED: 5,
        QUERIES: 7,
        ROWS: 100,
        SEEN: 0,
    }
    return whole | {name.replace("_", " "): figure for name, figure in changes.items()}


async def test_row_security_is_added_up_over_the_services(certificates: CertificatesForTests) -> None:
    each = Examined(facts=("one: all well",), figures=figures())
    async with deployment(certificates, "T2", dict.fromkeys(SERVICES, each)) as running:
        t2 = await t2_row_security.probe(running, clock=CLOCK)
        t4 = await t4_coverage.probe(running, clock=CLOCK)
    assert (t2.findings, t2.unknown, t4.findings, t4.unknown) == ((), (), (), ())
    assert t2.facts == (
        "50 tables with 200 policies; 35 queries without a workspace saw 0 of about 500 rows",
        *["one: all well"] * 5,
    )
    assert t4.facts == (
        "100 % of tenant tables are covered: 25 of 25, by 125 policies; with all others 200 policies on 50 tables",
    )


async def test_a_finding_of_one_service_stands_beside_what_is_unknown_of_another(
    certificates: CertificatesForTests,
) -> None:
    finding = Finding("note", "row security is not enabled and forced")
    broken = Examined(facts=("tenancy: looked",), findings=(finding,), figures=figures(tenant_tables=6))
    async with deployment(certificates, "T2", {"tenancy": broken}) as running:
        t2 = await t2_row_security.probe(running, clock=CLOCK)
        t4 = await t4_coverage.probe(running, clock=CLOCK)
    assert t2.findings == (finding,)
    assert len(t2.unknown) == 4
    assert all(" was not examined: " in why for why in t2.unknown)
    # Too few policies are no defect while four services were not counted; a table without any is one.
    assert t4.findings == (
        Finding("row security of the deployment", "a tenant table lacks policies; control T2 names it"),
    )


async def test_too_few_policies_are_found(certificates: CertificatesForTests) -> None:
    each = Examined(facts=("one: all well",), figures=figures(policies=24))
    async with deployment(certificates, "T2", dict.fromkeys(SERVICES, each)) as running:
        (finding,) = (await t4_coverage.probe(running, clock=CLOCK)).findings
    assert finding.what == "120 policies on 50 tables are fewer than 125 on 32"


async def test_a_service_that_looked_at_nothing_is_no_proof(certificates: CertificatesForTests) -> None:
    each = Examined(facts=("one: all well",), figures=figures(policies=100, tables=100))
    async with deployment(certificates, "T2", {**dict.fromkeys(SERVICES, each), "tenancy": Examined()}) as running:
        for probe in (t2_row_security.probe, t4_coverage.probe):
            examined = await probe(running, clock=CLOCK)
            assert (examined.findings, examined.unknown) == ((), ("tenancy looked at nothing",))


async def test_where_nobody_answers_nothing_is_known(certificates: CertificatesForTests) -> None:
    async with deployment(certificates, "T2", {}) as running:
        for probe in (t2_row_security.probe, t4_coverage.probe):
            examined = await probe(running, clock=CLOCK)
            assert (examined.facts, examined.findings) == ((), ())
            assert len(examined.unknown) == 5


@pytest.fixture(scope="module")
def log() -> Log:
    made = Log(record([event(number) for number in range(5)]))
    made.erased = set(range(5))
    return made


def published(size: int, *, root: bytes = bytes(32), log_id: object = LOG, signer: NoteSigner = SIGNER) -> bytes:
    origin = log_origin(ORIGIN, LOG) if log_id is LOG else f"{ORIGIN}/{log_id}"
    return sign_checkpoint(Checkpoint(origin=origin, size=size, root=root), signer).encode()


def root_of(log: Log) -> bytes:
    return naive_tree.root([leaf_hash(entry.leaf) for entry in log.entries])


async def probed(
    certificates: CertificatesForTests, log: Log, *, checkpoint: bytes | None, keys: bytes | None = None
) -> Examined:
    """What L3's probe makes of the log as its sample, and of what the gateway shows."""
    keys = keys or json.dumps({"keys": [str(SIGNER.key)]}).encode()
    answers = {KEYS: keys} | ({CHECKPOINT: checkpoint} if checkpoint is not None else {})
    said_by_audit = Examined(facts=("tried",), exhibits={PLATFORM_LOG: log.export()})
    async with deployment(certificates, "L3", {"audit": said_by_audit}, answers=answers) as running:
        return await l3_immutability.probe(running, clock=CLOCK)


async def test_a_log_that_everybody_is_shown_alike_is_kept(certificates: CertificatesForTests, log: Log) -> None:
    for checkpoint in (published(5, root=root_of(log)), published(6)):
        examined = await probed(certificates, log, checkpoint=checkpoint)
        assert (examined.findings, examined.unknown) == ((), ())
        assert examined.facts[0].startswith("5 entries hold by the public key alone; ")
        assert "tried" in examined.facts


@pytest.mark.parametrize(
    ("checkpoint", "finding"),
    [
        (published(5), Finding(WHERE, "is another one of 5 entries")),
        (published(4), Finding(WHERE, "has 4 entries, fewer than 5 a moment ago")),
        (published(5, log_id="another"), Finding(WHERE, "is of another log")),
        (
            published(5, signer=NoteSigner(name=ORIGIN, seed=bytes(32))),
            Finding(WHERE, "is not to be trusted: none of the trusted keys signed it"),
        ),
    ],
    ids=["another root", "shorter", "another log", "another key"],
)
async def test_a_checkpoint_that_contradicts_the_log_is_found(
    certificates: CertificatesForTests, log: Log, checkpoint: bytes, finding: Finding
) -> None:
    assert (await probed(certificates, log, checkpoint=checkpoint)).findings == (finding,)


async def test_keys_that_are_none_are_found(certificates: CertificatesForTests, log: Log) -> None:
    for keys in (b"<html>", b'{"keys": ["none"]}', b'{"keys": 1}', b"[]"):
        (finding,) = (await probed(certificates, log, checkpoint=published(5), keys=keys)).findings
        assert (finding.where.endswith(KEYS), finding.what) == (True, "publishes no keys")


async def test_another_key_than_the_logs_proves_nothing_of_it(certificates: CertificatesForTests, log: Log) -> None:
    stranger = NoteSigner(name=ORIGIN, seed=bytes(32))
    keys = json.dumps({"keys": [str(stranger.key)]}).encode()
    examined = await probed(certificates, log, checkpoint=published(5), keys=keys)
    assert any("none of the trusted keys" in finding.what for finding in examined.findings)


async def test_what_audit_found_stands_while_the_gateway_does_not_answer(
    certificates: CertificatesForTests, log: Log
) -> None:
    finding = Finding("entry", "audit_runtime may UPDATE leaf")
    said_by_audit = Examined(facts=("tried",), findings=(finding,), exhibits={PLATFORM_LOG: log.export()})
    async with deployment(certificates, "L3", {"audit": said_by_audit}) as running:
        examined = await l3_immutability.probe(running, clock=CLOCK)
    assert examined.findings == (finding,)
    assert examined.unknown == (f"the gateway answers 404 to GET {KEYS}",)


async def test_a_log_that_nobody_shows_is_unknown(certificates: CertificatesForTests, log: Log) -> None:
    async with deployment(certificates, "L3", {}) as running:
        with pytest.raises(Unreachable, match="audit at "):
            await l3_immutability.probe(running, clock=CLOCK)
    examined = await probed(certificates, log, checkpoint=None)
    assert (examined.findings, examined.unknown) == ((), (f"the gateway answers 404 to GET {CHECKPOINT}",))


async def test_what_audit_found_by_itself_stands_without_a_sample(certificates: CertificatesForTests) -> None:
    finding = Finding("entry", "audit_runtime may UPDATE leaf")
    async with deployment(certificates, "L3", {"audit": Examined(findings=(finding,))}) as running:
        assert (await l3_immutability.probe(running, clock=CLOCK)).findings == (finding,)


async def test_rights_alone_do_not_prove_the_log(certificates: CertificatesForTests) -> None:
    async with deployment(certificates, "L3", {"audit": Examined(facts=("tried",))}) as running:
        examined = await l3_immutability.probe(running, clock=CLOCK)
    assert (examined.facts, examined.unknown) == (("tried",), ("audit shows nothing of the platform log",))


async def test_keys_alone_do_not_prove_the_tokens(certificates: CertificatesForTests) -> None:
    key = {"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "AA"}
    answers = {"/.well-known/jwks.json": json.dumps({"keys": [key]}).encode()}
    async with deployment(certificates, "S1", {"session": Examined(facts=("ages",))}, answers=answers) as running:
        examined = await s1_access_tokens.probe(running, clock=CLOCK)
    assert (examined.findings, examined.unknown) == ((), ("session shows no token",))


@pytest.mark.parametrize("exhibits", [{}, {"access_token": b"\xff"}, {"access_token": b"a.b.c"}])
async def test_what_session_shows_instead_of_a_token_is_none(
    certificates: CertificatesForTests, exhibits: dict[str, bytes]
) -> None:
    shown = Examined(facts=("shown",), exhibits=exhibits)
    answers = {"/.well-known/jwks.json": b'{"keys": []}'}
    async with deployment(certificates, "S1", {"session": shown}, answers=answers) as running:
        with pytest.raises(Unseen, match="no token"):
            await ProbedTokens(deployment=running).issued()
