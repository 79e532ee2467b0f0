"""The rates of a service's settings, in a real Valkey and without one."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from libs.cache.limit import Rate
from libs.rpc.limits import COUNTED, Limits
from libs.service.parts import open_parts
from libs.service.settings import LimitSettings
from tests.support.mutual_tls import CertificatesForTests
from tests.support.ports import free_port
from tests.support.valkey import ValkeyForTests
from wardenry.options.v1 import options_pb2
from wardenry.options.v1.options_pb2 import LimitClass

#: A quarter of each may come at once.
RATES = {"standard_rate": 4, "authentication_rate": 8, "bulk_rate": 12}
AT_ONCE = {
    options_pb2.LIMIT_CLASS_STANDARD: 1,
    options_pb2.LIMIT_CLASS_AUTHENTICATION: 2,
    options_pb2.LIMIT_CLASS_BULK: 3,
}


class TenancySettings(LimitSettings):
    service: ClassVar[str] = "tenancy"


class AuditSettings(LimitSettings):
    service: ClassVar[str] = "audit"


@pytest.fixture
def common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    # A Valkey that is there is waited for, however busy the machine.
    monkeypatch.setattr("libs.cache.client.DEADLINE", 60.0)
    # Nor is anything forgotten while a test runs.
    monkeypatch.setattr(Rate, "a_minute", lambda calls: Rate(calls=calls, period=timedelta(hours=9), burst=calls // 4))
    tls = CertificatesForTests(directory=tmp_path).of("tenancy")
    return {"tls_ca_file": tls.ca_file, "tls_cert_file": tls.certificate_file, "tls_key_file": tls.key_file, **RATES}


async def passing(limits: Limits) -> dict[LimitClass.ValueType, int]:
    """How many calls of one key pass at once, of five, by class."""
    return {each: [await limits[each].take("a") for _ in range(5)].count(None) for each in limits}


async def test_each_class_has_its_rate_and_each_service_counts_for_itself(
    valkey: ValkeyForTests, common: Mapping[str, object]
) -> None:
    settings = TenancySettings.model_validate({**common, "valkey_url": valkey.url})
    others = AuditSettings.model_validate({**common, "valkey_url": valkey.url})
    async with open_parts(settings) as parts, open_parts(settings) as second, open_parts(others) as other:
        limits = parts.limits(settings)
        assert limits.keys() == COUNTED
        assert await passing(limits) == AT_ONCE
        assert set((await passing(second.limits(settings))).values()) == {0}, "its processes count together"
        assert await passing(other.limits(others)) == AT_ONCE


async def test_a_valkey_that_is_not_there_is_not_waited_for(common: Mapping[str, object]) -> None:
    settings = TenancySettings.model_validate({**common, "valkey_url": f"redis://127.0.0.1:{free_port()}/0"})
    async with open_parts(settings) as parts:
        assert await passing(parts.limits(settings)) == AT_ONCE
