"""One trace from the gateway to the audit entry, as a collector receives it from the processes of the whole suite."""

from collections.abc import Iterator

import pytest

from tests.e2e.traced_stack import CLIENT_ADDRESS, COMPLAINT, FORGED, Story, told_story
from tests.support.otlp import ReceivedSpan

pytestmark = pytest.mark.xdist_group("stack")

SERVICES = {"gateway", "identity", "session", "tenancy", "audit", "datarights"}
#: What a request does on its way into the log, from the entry back: kind, service, name.
GRANT = [
    ("CONSUMER", "audit", "process wardenry.session.v1"),
    ("PRODUCER", "session", "send wardenry.session.v1"),
    ("CLIENT", "session", "TRANSACTION session"),
    ("SERVER", "session", "wardenry.session.v1.TokenService/CreateGrant"),
    ("CLIENT", "gateway", "wardenry.session.v1.TokenService/CreateGrant"),
    ("SERVER", "gateway", "POST /api/v1/workspaces/{workspace_id}/grants"),
]
INVITATION = [
    ("CONSUMER", "audit", "process wardenry.tenancy.v1"),
    ("PRODUCER", "tenancy", "send wardenry.tenancy.v1"),
    ("CLIENT", "tenancy", "TRANSACTION tenancy"),
    ("SERVER", "tenancy", "wardenry.tenancy.v1.InvitationService/CreateInvitation"),
    ("CLIENT", "gateway", "wardenry.tenancy.v1.InvitationService/CreateInvitation"),
    ("SERVER", "gateway", "POST /api/v1/workspaces/{workspace_id}/invitations"),
]
REFUSED_SIGN_IN = [
    ("CONSUMER", "audit", "process wardenry.identity.v1"),
    ("PRODUCER", "identity", "send wardenry.identity.v1"),
    ("CLIENT", "identity", "TRANSACTION identity"),
    ("SERVER", "identity", "wardenry.identity.v1.AuthenticationService/Authenticate"),
    ("CLIENT", "gateway", "wardenry.identity.v1.AuthenticationService/Authenticate"),
    ("SERVER", "gateway", "POST /api/v1/sessions"),
]
#: Every attribute that may leave, on spans and on durations.
ATTRIBUTES = {
    "cloudevents.event_subject", "cloudevents.event_type", "db.namespace", "db.operation.name", "db.system.name",
    "error.type", "http.request.method", "http.response.status_code", "http.route",
    "messaging.destination.name", "messaging.destination.partition.id", "messaging.kafka.offset",
    "messaging.message.id", "messaging.operation.name", "messaging.operation.type", "messaging.system",
    "rpc.method", "rpc.response.status_code", "rpc.system.name", "server.address", "url.scheme",
}  # fmt: skip
RESOURCE = {
    "service.instance.id", "service.name", "service.namespace",
    "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version",
}  # fmt: skip


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with told_story() as told:
        yield told


def back_from(span: ReceivedSpan, spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    """The span, its parent, and so on to the beginning or to a parent that did not come."""
    by_id = {each.span_id: each for each in spans}
    way = [span]
    while way[-1].parent_id in by_id:
        way.append(by_id[way[-1].parent_id])
    return way


def described(way: list[ReceivedSpan]) -> list[tuple[str, str, str]]:
    return [(span.kind, span.service, span.name) for span in way]


@pytest.mark.parametrize(
    ("request_name", "expected"),
    [("grant", GRANT), ("invitation", INVITATION), ("refused sign-in", REFUSED_SIGN_IN)],
)
def test_an_entry_leads_back_to_the_request(
    story: Story, request_name: str, expected: list[tuple[str, str, str]]
) -> None:
    spans = story.spans(request_name)
    ways = [back_from(span, spans) for span in spans if span.kind == "CONSUMER" and span.service == "audit"]
    assert expected in [described(way) for way in ways]
    way = next(way for way in ways if described(way) == expected)
    consumed, sent = way[0].values, way[1].values
    assert consumed["messaging.message.id"] == sent["messaging.message.id"]
    topic = f"wardenry.{way[1].service}.v1"
    for values, operation in ((consumed, "process"), (sent, "send")):
        assert (values["messaging.system"], values["messaging.destination.name"]) == ("kafka", topic)
        assert (values["messaging.operation.name"], values["messaging.operation.type"]) == (operation, operation)
    assert (way[2].values["db.system.name"], way[2].values["db.namespace"]) == ("postgresql", way[2].service)
    assert way[-1].values["http.request.method"] == "POST"
    assert way[-1].values["http.response.status_code"] in (201, 401)


@pytest.mark.parametrize(
    ("request_name", "action"),
    [("grant", "grant.created"), ("invitation", "user.invited"), ("forbidden", "permission.denied")],
)
def test_the_span_names_the_entry_that_is_in_the_log(story: Story, request_name: str, action: str) -> None:
    consumed = [
        span.values
        for span in story.spans(request_name)
        if (span.kind, span.service) == ("CONSUMER", "audit") and span.values["cloudevents.event_type"] == action
    ]
    assert [values["cloudevents.event_subject"] for values in consumed] == [story.workspace_id]
    assert {values["messaging.message.id"] for values in consumed} <= story.entries[action]


@pytest.mark.parametrize(
    "request_name",
    [
        "workspace",
        "grant",
        "verification",
        "invitation",
        "acceptance",
        "sign-in",
        "refused sign-in",
        "forbidden",
        "last",
    ],
)
def test_a_trace_has_one_beginning_and_no_hole(story: Story, request_name: str) -> None:
    spans = story.spans(request_name)
    assert [span.service for span in spans if not span.parent_id] == ["gateway"]
    assert len({span.span_id for span in spans}) == len(spans)
    known = {span.span_id for span in spans}
    assert [(span.service, span.name) for span in spans if span.parent_id and span.parent_id not in known] == []


def test_the_spans_of_what_was_under_way_at_the_end_arrive(story: Story) -> None:
    assert {"gateway", "tenancy"} <= {span.service for span in story.spans("last")}


def test_nothing_of_people_reaches_the_collector(story: Story) -> None:
    canaries = story.canaries | {"client address": CLIENT_ADDRESS, "connection": "127.0.0.1"}
    assert len(canaries) > 20
    assert all(len(canary) >= 8 for canary in canaries.values())
    received = [payload.lower() for payload in story.receiver.payloads]
    assert received
    found = [what for what, canary in canaries.items() if any(canary.lower().encode() in each for each in received)]
    assert found == []


def test_only_attributes_on_the_list_leave(story: Story) -> None:
    spans, durations = story.receiver.spans(), story.receiver.durations()
    assert {name for span in spans for name in span.values} | {name for each in durations for name in each.values} == (
        ATTRIBUTES
    )
    assert {name for span in spans for name in span.resource} == RESOURCE
    assert {span.service for span in spans} == SERVICES - {"datarights"}  # which nobody has asked for anything


def test_each_process_is_told_apart(story: Story) -> None:
    instances = {span.service: span.resource["service.instance.id"] for span in story.receiver.spans()}
    assert len(set(instances.values())) == len(instances)


def test_a_visitor_decides_neither_the_trace_nor_whether_it_is_recorded(story: Story) -> None:
    _, trace_id, span_id, _ = FORGED.split("-")
    assert trace_id not in story.traces.values()
    assert [span for span in story.receiver.spans() if trace_id == span.trace_id or span_id == span.parent_id] == []
    (root,) = (span for span in story.spans("sign-in") if not span.parent_id)
    assert root.links == (trace_id,)


@pytest.mark.parametrize(
    ("request_name", "status", "code"),
    [("refused sign-in", 401, "UNAUTHENTICATED"), ("forbidden", 403, "PERMISSION_DENIED")],
)
def test_a_refusal_is_a_failure_to_its_caller_alone(story: Story, request_name: str, status: int, code: str) -> None:
    spans = story.spans(request_name)
    (root,) = (span for span in spans if not span.parent_id)
    assert (root.values["http.response.status_code"], root.failed) == (status, False)
    refused = [span for span in spans if span.values.get("rpc.response.status_code") == code]
    assert {(span.kind, span.failed, span.values.get("error.type")) for span in refused} == {
        ("CLIENT", True, code),
        ("SERVER", False, None),
    }


def test_durations_are_told_by_route_and_by_rpc_in_seconds(story: Story) -> None:
    durations = story.receiver.durations()
    assert {each.service for each in durations} == SERVICES
    assert story.receiver.metric_names() == {
        "http.server.request.duration", "rpc.client.call.duration", "rpc.server.call.duration",
    }  # fmt: skip
    assert {each.unit for each in durations} == {"s"}
    assert {(each.point.explicit_bounds[0], each.point.explicit_bounds[-1]) for each in durations} == {(0.001, 30.0)}
    routes = {each.values.get("http.route") for each in durations if each.name.startswith("http.")}
    assert {"/api/v1/sessions", "/api/v1/workspaces/{workspace_id}/grants", None} <= routes
    methods = {str(each.values["rpc.method"]) for each in durations if each.name.startswith("rpc.server.")}
    assert "wardenry.session.v1.TokenService/CreateGrant" in methods
    # It has no end of its own, so its duration is none.
    assert not any("/Watch" in method for method in methods)


def test_health_checks_are_counted_and_begin_no_trace(story: Story) -> None:
    names = {span.name for span in story.receiver.spans()}
    assert not any("grpc.health" in name or "/healthz" in name for name in names)
    values = [value for each in story.receiver.durations() for value in each.values.values()]
    assert "grpc.health.v1.Health/Check" in values
    assert "/healthz" in values


def test_a_collector_that_is_away_at_the_start_costs_one_line(story: Story) -> None:
    told = {name: log.count(COMPLAINT) for name, log in story.logs.items() if name in SERVICES}
    assert min(told["gateway"], told["identity"]) >= 1
    # One, unless the machine was so slow that another was due: it is one a minute.
    assert max(told.values()) <= 1 + story.seconds // 60
