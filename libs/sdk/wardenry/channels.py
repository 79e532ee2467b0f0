"""Channels to Wardenry's services: mutual TLS to exactly one name, kept alive, reads retried."""

import json
from collections.abc import Sequence

import grpc

from wardenry.credentials import TlsFiles

#: Pings on an idle connection, so that a dead peer is found before a caller waits for it. Servers allow it.
KEEPALIVE_MILLISECONDS = 20_000
KEEPALIVE_TIMEOUT_MILLISECONDS = 5_000
#: The time that a connection and its handshake have at least. gRPC calls it the shortest pause, which it is not: after
#: a failure the pause is the back-off alone. Shorter than a busy machine needs, and nothing would ever be connected.
CONNECTING_MILLISECONDS = 5_000
#: The largest answer we take: a tile of the log's entries has up to 256 of 64 KiB, each after its length.
LARGEST_RESPONSE = 17 * 1024 * 1024

#: Names of RPCs that change nothing and may be sent again: gRPC knows no such property. UNAVAILABLE alone is retried,
#: which a server answers before it did anything; deadlines still hold over all attempts.
_SAFE_TO_REPEAT = {
    "wardenry.identity.v1.SubjectService": ("GetSubject",),
    "wardenry.session.v1.TokenService": ("Introspect", "GetKeys"),
    "wardenry.session.v1.SessionService": ("ListSessions",),
    "wardenry.tenancy.v1.WorkspaceService": ("GetWorkspace", "ListWorkspaces", "ResolveWorkspace"),
    "wardenry.tenancy.v1.MembershipService": ("ListMembers", "GetMemberships"),
    "wardenry.tenancy.v1.InvitationService": ("GetOffer", "ListInvitations"),
    "wardenry.tenancy.v1.PermissionService": ("CheckPermissions",),
    "wardenry.events.v1.CursorService": ("ListCursors",),
}


def open_channel(
    *,
    target: str,
    peer: str,
    tls: TlsFiles,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """A channel to `peer` at `target` (host:port or a gRPC name). Connects when first used, and again whenever it must.

    Whatever address leads there, the certificate must be for the peer's name. Raises OSError for a TLS
    file that cannot be read.
    """
    options: list[tuple[str, str | int]] = [
        ("grpc.ssl_target_name_override", peer),
        ("grpc.default_authority", peer),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", CONNECTING_MILLISECONDS),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.max_receive_message_length", LARGEST_RESPONSE),
        ("grpc.service_config", _service_config()),
    ]
    return grpc.aio.secure_channel(target, tls.channel_credentials(), options=options, interceptors=list(interceptors))


def _service_config() -> str:
    names = [
        {"service": service, "method": method} for service, methods in _SAFE_TO_REPEAT.items() for method in methods
    ]
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": retry}]})
