"""Which source may write what."""

from libs.events.envelope import action_names
from services.audit.consumers.actions import allowed_actions


def test_each_source_may_write_what_its_rpcs_declare() -> None:
    allowed = allowed_actions()
    assert set(allowed) == {"audit", "datarights", "identity", "session", "tenancy"}
    assert "user.login" in allowed["session"]
    assert "user.login" not in allowed["identity"] | allowed["tenancy"] | allowed["audit"]
    assert "user.role_changed" in allowed["tenancy"]
    assert "subject.rectified" in allowed["identity"] - allowed["datarights"]
    assert {"event.retried", "retry.requested"} <= allowed["session"]
    assert allowed["audit"] == {
        "event.retried",
        "export.requested",
        "log.anchored",
        "log.key_retired",
        "permission.denied",
        "record.created",
        "record.deleted",
        "record.updated",
        "retry.requested",
    }


def test_every_declared_action_is_listed_and_every_listed_one_has_a_source() -> None:
    declared = frozenset().union(*allowed_actions().values())
    assert declared == action_names()
