"""The rule that each RPC declares about itself (wardenry.options.v1), read once at start."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from wardenry.options.v1 import options_pb2
from wardenry.options.v1.options_pb2 import Acting, LimitClass, TokenAudience

#: `peers` entry that admits every certificate of the deployment's authority.
ANY_PEER = "*"


class RuleInvalid(Exception):
    """An RPC has no rule, or one that does not say what it must. The service must not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may call an RPC, and for whom."""

    #: "/wardenry.session.v1.TokenService/Refresh".
    method: str
    peers: frozenset[str]
    acting: Acting.ValueType
    permission: str = ""
    audit_actions: frozenset[str] = frozenset()
    least_acr: str = ""
    greatest_authentication_age: timedelta | None = None
    limit_class: LimitClass.ValueType = options_pb2.LIMIT_CLASS_INTERNAL
    needs_workspace: bool = True
    audience: TokenAudience.ValueType = options_pb2.TOKEN_AUDIENCE_WARDENRY

    @property
    def for_user(self) -> bool:
        return self.acting == options_pb2.ACTING_USER

    def admits(self, peer: str) -> bool:
        return peer in self.peers or ANY_PEER in self.peers


def rules_of(services: Iterable[ServiceDescriptor]) -> Mapping[str, Rule]:
    """The rule of each RPC of these services by its method. Raises RuleInvalid."""
    return {rule.method: rule for service in services for rule in map(rule_of, service.methods)}


def rule_of(method: MethodDescriptor) -> Rule:
    """The rule of one RPC. Raises RuleInvalid when there is none, or when it leaves out what has no safe default."""
    assert method.containing_service is not None  # noqa: S101 - every method descriptor has one; the stubs cannot say so
    name = f"/{method.containing_service.full_name}/{method.name}"
    options = method.GetOptions()
    if not options.HasExtension(options_pb2.rule):
        raise RuleInvalid(f"{name} declares no rule")
    rule = options.Extensions[options_pb2.rule]
    if not rule.peers:
        raise RuleInvalid(f"{name} names no peers")
    if any(not peer or (ANY_PEER in peer and peer != ANY_PEER) for peer in rule.peers):
        raise RuleInvalid(f"{name} names a peer that is no name; only {ANY_PEER!r} alone is a pattern")
    if rule.acting == options_pb2.ACTING_UNSPECIFIED:
        raise RuleInvalid(f"{name} does not say for whom it acts")
    if rule.limit_class == options_pb2.LIMIT_CLASS_UNSPECIFIED:
        raise RuleInvalid(f"{name} names no limit class")
    if (rule.acting == options_pb2.ACTING_PEER) != (rule.limit_class == options_pb2.LIMIT_CLASS_INTERNAL):
        raise RuleInvalid(f"{name}: calls for a service itself are INTERNAL, and no others are")
    user = rule.acting == options_pb2.ACTING_USER
    optional = rule.workspace == options_pb2.WORKSPACE_NEED_OPTIONAL
    aged = rule.HasField("greatest_authentication_age")
    if not user and (rule.permission or rule.least_acr or aged):
        raise RuleInvalid(f"{name} asks something of a token, and acts for no user")
    if rule.permission and optional:
        raise RuleInvalid(f"{name} needs a permission, which is held in a workspace, and makes the workspace optional")
    if rule.least_acr not in ("", "aal1", "aal2"):
        raise RuleInvalid(f"{name} names an acr that does not exist: {rule.least_acr!r}")
    return Rule(
        method=name,
        peers=frozenset(rule.peers),
        acting=rule.acting,
        permission=rule.permission,
        audit_actions=frozenset(rule.audit_actions),
        least_acr=rule.least_acr,
        greatest_authentication_age=rule.greatest_authentication_age.ToTimedelta() if aged else None,
        limit_class=rule.limit_class,
        needs_workspace=not optional,
        audience=rule.audience or options_pb2.TOKEN_AUDIENCE_WARDENRY,
    )


#: Services of gRPC's own, which cannot carry our option: anybody of the deployment may ask for health, the operator
#: may look.
FOREIGN_RULES: Mapping[str, Rule] = {
    rule.method: rule
    for rule in (
        Rule(method="/grpc.health.v1.Health/Check", peers=frozenset({ANY_PEER}), acting=options_pb2.ACTING_PEER),
        Rule(method="/grpc.health.v1.Health/List", peers=frozenset({ANY_PEER}), acting=options_pb2.ACTING_PEER),
        Rule(method="/grpc.health.v1.Health/Watch", peers=frozenset({ANY_PEER}), acting=options_pb2.ACTING_PEER),
        Rule(
            method="/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            peers=frozenset({"operator"}),
            acting=options_pb2.ACTING_PEER,
        ),
    )
}
