"""What counts as wrong, how bad it is, and that each says how to mend it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.ids import PLATFORM
from services.operator.domain import diagnosis
from services.operator.domain.diagnosis import Diagnosis, Severity
from services.operator.domain.status import Certificate, Health, LogHead, Part, Presented

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GATEWAY = "https://id.example.com"
CERTIFICATE = Certificate(names=("session",), ends_at=NOW + timedelta(days=100))
WELL = Part(
    name="session",
    address="10.0.0.1:7002",
    health=Health(reachable=True, ready=True, latency=0.001),
    presented=Presented(certificate=CERTIFICATE),
)


def bad(found: list[Diagnosis]) -> list[Severity]:
    """The severities of what is wrong; everything wrong must say how to mend it."""
    wrong = [each for each in found if each.severity is not Severity.OK]
    assert all(each.mend for each in wrong if each.severity is not Severity.UNKNOWN)
    return [each.severity for each in wrong]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            replace(
                WELL,
                health=Health(reachable=False, ready=False, latency=None, trouble="long story"),
                presented=Presented(certificate=None, trouble="no connection: Connection refused"),
            ),
            ("no connection: Connection refused", "WARDENRY_SESSION_ADDRESS"),
        ),
        (replace(WELL, presented=replace(WELL.presented, trouble="expired")), ("expired", "certificate")),
        (replace(WELL, health=replace(WELL.health, ready=False)), ("needs", "log")),
        (
            replace(WELL, health=Health(reachable=False, ready=False, latency=None, trouble="timed out")),
            ("timed out", "log"),
        ),
    ],
)
def test_a_part_that_is_not_as_it_should_be(part: Part, told: tuple[str, str]) -> None:
    (found,) = diagnosis.judge_parts([WELL, part])
    assert bad([found]) == [Severity.ERROR]
    assert told[0] in found.what
    assert told[1] in found.mend
    assert bad(diagnosis.judge_parts([WELL, WELL])) == []


@pytest.mark.parametrize(
    ("days", "severity"),
    [(100, None), (31, None), (29, Severity.WARNING), (6, Severity.ERROR), (-1, Severity.ERROR)],
)
def test_a_certificate_that_ends(days: int, severity: Severity | None) -> None:
    certificates = [("The first", CERTIFICATE), ("The other", Certificate(names=(), ends_at=NOW + timedelta(days)))]
    found = diagnosis.judge_certificates(certificates, missing=[], now=NOW)
    assert bad(found) == ([] if severity is None else [severity])
    if severity is not None:
        assert found[0].what.startswith("The other end")


def test_a_certificate_that_was_not_seen_is_not_known_to_last() -> None:
    own = [("Our own certificate", CERTIFICATE), ("The authority", CERTIFICATE), ("The authority", CERTIFICATE)]
    (found,) = diagnosis.judge_certificates(own, missing=["session", "gateway"], now=NOW)
    assert found.severity is Severity.UNKNOWN
    assert found.what == (
        "Those of session, gateway were not seen. Seen were: our own certificate, the authority. "
        "The first ends in 100 days."
    )
    ended = [("Our own certificate", Certificate(names=(), ends_at=NOW - timedelta(days=1)))]
    assert bad(diagnosis.judge_certificates(ended, missing=["session"], now=NOW)) == [Severity.ERROR, Severity.UNKNOWN]


def test_a_part_that_answers_and_does_not_tell_how_it_is_is_not_known() -> None:
    (found,) = diagnosis.judge_parts([WELL, replace(WELL, untold="it does not know the question")])
    assert (found.severity, "does not know the question" in found.what) == (Severity.UNKNOWN, True)


def test_an_issuer_that_is_not_the_gateway() -> None:
    assert bad([diagnosis.judge_issuer(GATEWAY, gateway=GATEWAY)]) == []
    for other in ("https://id.example.com:8443", "https://localhost:8443", ""):
        assert bad([diagnosis.judge_issuer(other, gateway=GATEWAY)]) == [Severity.ERROR]


def test_keys_of_another_session_service() -> None:
    assert bad([diagnosis.judge_keys({"a", "b", "c"}, published={"a", "b"})]) == []
    assert bad([diagnosis.judge_keys({"a"}, published=set())]) == [Severity.ERROR]
    assert bad([diagnosis.judge_keys({"a"}, published={"a", "z"})]) == [Severity.ERROR]


def test_a_log_whose_name_leads_nowhere() -> None:
    head = LogHead(origin=f"id.example.com/audit/{PLATFORM}", size=7, signed_at=NOW)
    assert bad([diagnosis.judge_log(head, gateway=GATEWAY)]) == []
    for origin in ("localhost/audit/x", "id.example.com.evil.example/audit/x"):
        assert bad([diagnosis.judge_log(replace(head, origin=origin), gateway=GATEWAY)]) == [Severity.WARNING]


def test_a_key_whose_end_is_on_its_way() -> None:
    key = "id.example.com/audit+4a6284b3+ASVDuS/xCVURR2rcg2nbbdyTNmWhGXjdoUBO4QZsqVWd"
    head = LogHead(origin=f"id.example.com/audit/{PLATFORM}", size=7, signed_at=NOW, ending=(key,))
    found = diagnosis.judge_log(head, gateway=GATEWAY)
    assert bad([found]) == [Severity.WARNING]
    assert "id.example.com/audit+4a6284b3 ended" in found.what
    assert found.mend


@pytest.mark.parametrize(
    ("mode", "secret", "told"),
    [
        (0o600, True, ""),
        (0o644, False, ""),
        (0o640, True, "chmod 600 key"),
        (0o604, True, "chmod 600 key"),
        (0o620, True, "chmod 600 key"),
        (0o664, False, "chmod go-w key"),
        (0o602, False, "chmod go-w key"),
    ],
)
def test_files_that_others_may_touch(mode: int, secret: bool, told: str) -> None:
    (found,) = diagnosis.judge_files([("key", 0o100000 | mode, secret)])
    assert (found.severity is Severity.OK, found.mend) == (not told, told)


def test_what_the_handshakes_showed() -> None:
    assert bad(diagnosis.judge_transport([], [], handshakes=40)) == []
    broken = [("session at 10.0.0.1:7002", "TLS 1.2 is taken")]
    assert bad(diagnosis.judge_transport(broken, [], handshakes=40)) == [Severity.ERROR]
    assert bad(diagnosis.judge_transport([], ["no answer"], handshakes=1)) == [Severity.UNKNOWN]
