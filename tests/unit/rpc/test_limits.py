"""By what calls are counted, and which are."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from libs.events.client import Client
from libs.rpc.call import Call
from libs.rpc.limits import COUNTED, count, key_of, require_limit
from libs.rpc.rules import FOREIGN_RULES, Rule, RuleInvalid
from tests.support.limits import UNLIMITED
from tests.support.tokens import access_token
from wardenry.errors.error import ResourceExhausted
from wardenry.options.v1 import options_pb2
from wardenry.options.v1.options_pb2 import LimitClass

ANOTHER = UUID("0192f0c0-0000-7000-8000-0000000000aa")
PERSON = Call(peer="gateway", token=access_token(), client=Client(address="192.0.2.1"))
RULE = Rule(method="/a.B/C", peers=frozenset({"gateway"}), acting=options_pb2.ACTING_USER)


def visitor(address: str) -> Call:
    return Call(peer="gateway", client=Client(address=address))


def test_a_person_is_counted_by_session_and_workspace_wherever_they_call_from() -> None:
    elsewhere = replace(PERSON, peer="records", client=Client(address="2001:db8::1"), bearer="another")
    assert key_of(elsewhere) == key_of(PERSON)
    assert key_of(replace(PERSON, token=access_token(token_id=ANOTHER))) == key_of(PERSON)
    others = [access_token(session=ANOTHER), access_token(workspace=ANOTHER), access_token(workspace=None)]
    assert len({key_of(replace(PERSON, token=token)) for token in others} | {key_of(PERSON)}) == 4


def test_who_is_not_known_is_counted_by_network() -> None:
    assert key_of(visitor("192.0.2.1")) != key_of(visitor("192.0.2.2"))
    assert key_of(visitor("2001:db8::1")) == key_of(visitor("2001:db8::ffff:2"))
    assert key_of(visitor("2001:db8::1")) != key_of(visitor("2001:db8:0:1::1"))
    assert key_of(visitor("::ffff:192.0.2.1")) == key_of(visitor("192.0.2.1"))


def test_all_without_an_address_are_one() -> None:
    assert key_of(visitor("")) == key_of(Call(peer="records"))


def test_no_network_is_a_person() -> None:
    assert key_of(visitor("192.0.2.1")) != key_of(PERSON)


async def test_the_refusal_says_why_and_when_to_come_again() -> None:
    class Full:
        async def take(self, key: str) -> timedelta | None:
            return timedelta(seconds=3)

    with pytest.raises(ResourceExhausted) as caught:
        await count(Full(), PERSON)
    assert (caught.value.reason_name, caught.value.retry_after) == ("REASON_RATE_LIMITED", timedelta(seconds=3))


@pytest.mark.parametrize("limit_class", sorted(LimitClass.values()))
def test_a_class_is_counted_here_or_said_not_to_be(limit_class: LimitClass.ValueType) -> None:
    rule = replace(RULE, limit_class=limit_class)
    if limit_class in (options_pb2.LIMIT_CLASS_INTERNAL, options_pb2.LIMIT_CLASS_COMMAND):
        require_limit(rule, {})
        return
    with pytest.raises(RuleInvalid, match="which nothing counts here"):
        require_limit(rule, {other: limit for other, limit in UNLIMITED.items() if other != limit_class})
    if limit_class in COUNTED:
        require_limit(rule, UNLIMITED)


def test_health_and_reflection_are_not_counted() -> None:
    for rule in FOREIGN_RULES.values():
        require_limit(rule, {})
