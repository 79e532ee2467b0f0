"""Who shares a limit with whom."""

from datetime import timedelta

import pytest

from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.problem import Problem


class Once:
    """Lets each key pass once."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def take(self, key: str) -> timedelta | None:
        self.seen.append(key)
        return timedelta(seconds=1.2) if self.seen.count(key) > 1 else None


async def test_an_ipv6_network_is_one_client_however_its_addresses_are_written() -> None:
    counted = Once()
    limits = EdgeLimits(authentication=counted, standard=Once())
    for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:1:2:3:4"):
        try:
            await limits.take(address, authentication=True)
        except Problem:
            continue
    assert set(counted.seen) == {"2001:db8::/64"}


async def test_addresses_of_ipv4_and_other_networks_are_counted_apart() -> None:
    counted = Once()
    limits = EdgeLimits(authentication=Once(), standard=counted)
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"):
        await limits.take(address, authentication=False)
    assert len(set(counted.seen)) == 4


async def test_beyond_the_limit_the_client_is_told_how_long_to_wait() -> None:
    limits = EdgeLimits(authentication=Once(), standard=Once())
    await limits.take("192.0.2.1", authentication=True)
    await limits.take("192.0.2.1", authentication=False)
    with pytest.raises(Problem) as caught:
        await limits.take("192.0.2.1", authentication=True)
    assert caught.value.status == 429
    assert caught.value.headers() == {"Retry-After": "2"}
