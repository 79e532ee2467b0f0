"""Every RPC says who may call it, for whom, and what it may write; one that does not is found here and never served."""

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

import wardenry
from libs.rpc.limits import COUNTED
from libs.rpc.rules import ANY_PEER, RuleInvalid, rule_of, rules_of
from wardenry import channels
from wardenry.events.v1 import action_pb2
from wardenry.options.v1 import options_pb2
from wardenry.permissions import Permission

#: What their commands count, and the test that says so: tests/integration/session/test_refresh.py.
COUNTED_BY_COMMAND = {"/wardenry.session.v1.TokenService/Refresh"}
PEERS = {"identity", "session", "tenancy", "audit", "datarights", "gateway", "operator"}


def services() -> Iterator[ServiceDescriptor]:
    """Every service of every contract in the SDK."""
    for module in pkgutil.walk_packages(wardenry.__path__, "wardenry."):
        if module.name.endswith("_pb2") and ".vendored." not in module.name:
            yield from importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()


METHODS = [method for service in services() for method in service.methods]


def name_of(method: MethodDescriptor) -> str:
    return str(method.full_name)


def test_the_contracts_are_found() -> None:
    assert len(METHODS) > 40
    assert len({service.full_name for service in services()}) > 10


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_an_rpc_declares_a_whole_rule_of_known_names(method: MethodDescriptor) -> None:
    rule = rule_of(method)
    assert rule.peers <= PEERS | {ANY_PEER}
    assert not rule.permission or rule.permission in set(Permission)
    assert rule.audit_actions <= actions()


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_every_call_is_counted_but_for_a_services_own(method: MethodDescriptor) -> None:
    rule = rule_of(method)
    if rule.acting == options_pb2.ACTING_PEER:
        assert rule.limit_class == options_pb2.LIMIT_CLASS_INTERNAL
    elif rule.method in COUNTED_BY_COMMAND:
        assert rule.limit_class == options_pb2.LIMIT_CLASS_COMMAND
    else:
        assert rule.limit_class in COUNTED


def actions() -> set[str]:
    names = (value.name.removeprefix("ACTION_").lower() for value in action_pb2.Action.DESCRIPTOR.values)
    return {name.replace("_", ".", 1) for name in names} - {"unspecified"}


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_an_anonymous_rpc_is_the_gateways_alone(method: MethodDescriptor) -> None:
    rule = rule_of(method)
    if rule.acting == options_pb2.ACTING_ANONYMOUS:
        assert rule.peers == {"gateway"}


def method_with(rule: options_pb2.RpcRule | None) -> MethodDescriptor:
    """An RPC that exists nowhere, with this rule."""
    file = descriptor_pb2.FileDescriptorProto(
        name="synthetic.proto", package="synthetic", dependency=["wardenry/options/v1/options.proto"]
    )
    file.message_type.add(name="Empty")
    method = file.service.add(name="Synthetic").method.add(
        name="Do", input_type=".synthetic.Empty", output_type=".synthetic.Empty"
    )
    if rule is not None:
        method.options.Extensions[options_pb2.rule].CopyFrom(rule)
    pool = descriptor_pool.DescriptorPool()
    for dependency in (
        descriptor_pb2.DESCRIPTOR,
        importlib.import_module("google.protobuf.duration_pb2").DESCRIPTOR,
        options_pb2.DESCRIPTOR,
    ):
        pool.AddSerializedFile(dependency.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("synthetic.Synthetic").methods[0]


def rule_with(**changes: object) -> options_pb2.RpcRule:
    whole = {
        "peers": ["gateway"],
        "acting": options_pb2.ACTING_USER,
        "limit_class": options_pb2.LIMIT_CLASS_STANDARD,
    }
    return options_pb2.RpcRule(**{**whole, **changes})  # type: ignore[arg-type] # the fields are the tests'


def test_a_whole_rule_is_taken() -> None:
    assert rule_of(method_with(rule_with())).needs_workspace


@pytest.mark.parametrize(
    "rule",
    [
        None,
        options_pb2.RpcRule(),
        rule_with(peers=[]),
        rule_with(peers=["gate*"]),
        rule_with(peers=[""]),
        rule_with(acting=options_pb2.ACTING_UNSPECIFIED),
        rule_with(limit_class=options_pb2.LIMIT_CLASS_UNSPECIFIED),
        rule_with(
            acting=options_pb2.ACTING_PEER,
            limit_class=options_pb2.LIMIT_CLASS_INTERNAL,
            permission="member.read",
        ),
        rule_with(acting=options_pb2.ACTING_ANONYMOUS, least_acr="aal2"),
        rule_with(permission="member.read", workspace=options_pb2.WORKSPACE_NEED_OPTIONAL),
        rule_with(least_acr="high"),
        rule_with(limit_class=options_pb2.LIMIT_CLASS_INTERNAL),
        rule_with(acting=options_pb2.ACTING_ANONYMOUS, limit_class=options_pb2.LIMIT_CLASS_INTERNAL),
        rule_with(acting=options_pb2.ACTING_PEER, limit_class=options_pb2.LIMIT_CLASS_BULK),
    ],
    ids=lambda rule: "no rule" if rule is None else str(rule).replace("\n", " "),
)
def test_an_rpc_without_a_whole_rule_is_not_served(rule: options_pb2.RpcRule | None) -> None:
    method = method_with(rule)
    assert method.containing_service is not None
    with pytest.raises(RuleInvalid, match=r"/synthetic\.Synthetic/Do"):
        rules_of([method.containing_service])


def test_what_is_sent_again_by_itself_exists_and_changes_nothing() -> None:
    known = {(method.containing_service.full_name, method.name): rule_of(method) for method in METHODS}
    (policy,) = json.loads(channels._service_config())["methodConfig"]
    for name in policy["name"]:
        assert known[name["service"], name["method"]].audit_actions == frozenset()
