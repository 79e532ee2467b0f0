"""What events tell of whoever is behind a call."""

from uuid import UUID

from libs.crypto.hpke import ReaderPrivateKey
from libs.events.caller import Caller, Visitor
from libs.events.client import UNKNOWN, Client
from libs.events.event import Actor, ActorKind

CLIENT = Client(address="192.0.2.7", agent="Mozilla/5.0", country="DE", device="0f" * 16)
KEY = ReaderPrivateKey(key_id=UUID(int=1), version=1, private=bytes(31) + b"\x01").public_key()


def test_a_visitor_is_nobody_and_a_caller_is_the_tokens_subject() -> None:
    assert Visitor(client_id="gateway", client=CLIENT).actor == Actor(kind=ActorKind.VISITOR, client="gateway")
    caller = Caller(subject=UUID(int=2), session=UUID(int=3), client_id="app", client=UNKNOWN)
    assert caller.actor == Actor(kind=ActorKind.SUBJECT, id=UUID(int=2), session=UUID(int=3), client="app")


def test_personal_values_are_for_a_key_alone() -> None:
    (kept,) = CLIENT.personal(KEY, {"name": "Ada"})
    assert (kept.role, kept.reader_key) == ("actor", KEY)
    assert kept.values == {
        "ip_address": "192.0.2.7",
        "user_agent": "Mozilla/5.0",
        "device_fingerprint": "0f" * 16,
        "name": "Ada",
    }
    assert CLIENT.personal(None) == ()


def test_without_a_key_there_are_no_tags() -> None:
    assert CLIENT.tags(None) is None
    assert CLIENT.tags(bytes(32)) is not None
