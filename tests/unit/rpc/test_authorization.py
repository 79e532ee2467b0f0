"""Peer, workspace, permission, strength and age of an authentication."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.rpc.authorization import LEEWAY, authorize
from libs.rpc.peer_identity import admit_peer
from libs.rpc.rules import Rule
from tests.support.tokens import access_token
from wardenry.errors.error import PermissionDenied, Unauthenticated
from wardenry.options.v1 import options_pb2
from wardenry.permissions import Role

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RULE = Rule(method="/a.B/C", peers=frozenset({"gateway"}), acting=options_pb2.ACTING_USER)


def refusal(rule: Rule, **claims: object) -> tuple[str, dict[str, str]]:
    with pytest.raises((PermissionDenied, Unauthenticated)) as caught:
        authorize(access_token(**claims), rule, now=NOW)
    return caught.value.reason_name, dict(caught.value.metadata)


def test_a_rule_admits_the_peers_that_it_names() -> None:
    admit_peer("gateway", RULE)
    for peer in ("*", "records", ""):
        with pytest.raises(PermissionDenied):
            admit_peer(peer, RULE)


def test_a_workspace_is_needed_unless_the_rule_says_otherwise() -> None:
    assert refusal(RULE, workspace=None)[0] == "REASON_WORKSPACE_REQUIRED"
    authorize(access_token(workspace=None), replace(RULE, needs_workspace=False), now=NOW)


def test_a_role_holds_the_permission_or_is_told_which_it_lacks() -> None:
    rule = replace(RULE, permission="audit.export")
    authorize(access_token(role=Role.ADMIN), rule, now=NOW)
    for role in (Role.MANAGER, Role.MEMBER, None):
        assert refusal(rule, role=role) == ("REASON_PERMISSION_DENIED", {"permission": "audit.export"})


@pytest.mark.parametrize(
    ("has", "needs", "good"), [("aal1", "aal2", False), ("aal2", "aal2", True), ("aal3", "aal2", True)]
)
def test_a_weak_authentication_must_step_up(has: str, needs: str, good: bool) -> None:
    rule = replace(RULE, least_acr=needs)
    if good:
        authorize(access_token(acr=has), rule, now=NOW)
    else:
        assert refusal(rule, acr=has) == ("REASON_STEP_UP_REQUIRED", {"acr_values": needs})


def test_an_old_authentication_must_be_repeated() -> None:
    rule = replace(RULE, greatest_authentication_age=timedelta(minutes=5))
    authorize(access_token(auth_time=NOW - timedelta(minutes=5) - LEEWAY), rule, now=NOW)
    old = NOW - timedelta(minutes=5) - LEEWAY - timedelta(seconds=1)
    assert refusal(rule, auth_time=old) == ("REASON_STEP_UP_REQUIRED", {"max_age": "300"})
