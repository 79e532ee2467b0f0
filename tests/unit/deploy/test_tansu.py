"""Where the embedded broker has no build, one line says what to do instead."""

import pytest

from deploy.local import tansu
from deploy.local.tansu import NoBroker, binary


def test_a_machine_without_a_build_is_told_to_bring_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tansu, "find_spec", lambda _name: None)
    with pytest.raises(NoBroker, match=r"has no build for .+: set WARDENRY_KAFKA_BOOTSTRAP=host:port") as refused:
        binary()
    assert "\n" not in str(refused.value)
