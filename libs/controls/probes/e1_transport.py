"""E1: TLS 1.3 in transit, at the edge 1.2 at least, and mutual TLS between services.

Handshakes with the gateway and with every service's port, each version alone, by a client that would take any of them.
A refusal counts where the server took TLS 1.3 before and after: it was there, and it was the version that it refused.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from libs.controls.deployment import SERVICES, Deployment
from libs.controls.examined import Examined, Finding, together
from libs.controls.transport.handshake import (
    VERSIONS,
    Distrusted,
    Outcome,
    Refused,
    Taken,
    Unclear,
    pinned,
    shake_hands,
    trusting,
)
from libs.controls.transport.stranger import ends_at, names_of, present_stranger
from wardenry.clock import Clock

#: The figure of this probe.
HANDSHAKES = "handshakes"
_NEWEST, *_OLDER = VERSIONS
#: What the gateway may take beside the newest: its own minimum (services/gateway/edge/listeners.py).
_EDGE_OLDER = ("1.2",)
_HTTPS_PORT = 443
#: RFC 9113 section 3.4: what an HTTP/2 client says first, with empty settings.
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

_Client = Callable[[str], ssl.SSLContext]


@dataclass(slots=True, kw_only=True)
class _Endpoint:
    """One server, and what has been seen of it."""

    #: How it is told of: "session at 127.0.0.1:7002".
    where: str
    address: str
    #: The name that it is asked for.
    name: str
    greeting: bytes
    handshakes: int = 0
    seen: list[str] = field(default_factory=list)
    #: What was refused, by how.
    refused: dict[str, list[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    async def shake(self, context: ssl.SSLContext) -> Outcome:
        self.handshakes += 1
        return await shake_hands(self.address, context, name=self.name, greeting=self.greeting)

    def broken(self, what: str) -> None:
        self.findings.append(Finding(self.where, what))

    def examined(self) -> Examined:
        refused = [f"refused ({how}): {', '.join(what)}" for how, what in self.refused.items()]
        facts = (f"{self.where}: {'; '.join([*self.seen, *refused])}",) if self.seen or refused else ()
        unknown = tuple(f"{self.where}: {why}" for why in self.unknown)
        figures = {HANDSHAKES: self.handshakes}
        return Examined(facts=facts, findings=tuple(self.findings), unknown=unknown, figures=figures)


async def probe(deployment: Deployment, *, clock: Clock) -> Examined:
    """What the gateway and the five services take and refuse."""
    services = (_service(deployment, service, clock=clock) for service in SERVICES)
    servers = await asyncio.gather(_edge(deployment), *services)
    whole = together(servers)
    answered = sum(1 for server in servers if server.facts)
    headline = f"{whole.figures[HANDSHAKES]} handshakes; {answered} of {len(servers)} servers answered"
    return replace(whole, facts=(headline, *whole.facts))


async def _edge(deployment: Deployment) -> Examined:
    parts = urlsplit(deployment.gateway)
    host, port = parts.hostname or "", parts.port or _HTTPS_PORT
    endpoint = _Endpoint(
        where=f"gateway at {host}:{port}",
        address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        name=host,
        greeting=f"HEAD /healthz HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode(),
    )
    newest = await _newest(endpoint, pinned(_NEWEST, base=deployment.edge_context()), anybody=pinned)
    if isinstance(newest, Refused):
        endpoint.broken(f"TLS {_NEWEST} is refused ({newest.how})")
    if not isinstance(newest, Unclear):
        await _judge_older(endpoint, pinned, allowed=_EDGE_OLDER)
        await _still_there(endpoint, pinned)
    return endpoint.examined()


async def _service(deployment: Deployment, service: str, *, clock: Clock) -> Examined:
    address = deployment.address(service)
    endpoint = _Endpoint(where=f"{service} at {address}", address=address, name=service, greeting=_HTTP2)
    tls = deployment.tls

    def ours(version: str) -> ssl.SSLContext:
        context = _http2(pinned(version))
        context.load_cert_chain(tls.certificate_file, tls.key_file)
        return context

    trusted = _http2(pinned(_NEWEST, base=trusting(tls.ca_file)))
    trusted.load_cert_chain(tls.certificate_file, tls.key_file)
    newest = await _newest(endpoint, trusted, anybody=ours)
    if isinstance(newest, Unclear):
        return endpoint.examined()
    if isinstance(newest, Taken):
        _judge_names(endpoint, newest.certificate, service=service, clock=clock)
    if isinstance(newest, Refused):
        # It may be us: our certificate, which it does not take any more.
        endpoint.unknown.append(f"the prober itself is refused ({newest.how}), so other refusals prove nothing")
    await _judge_older(endpoint, ours, allowed=())
    stranger = _http2(pinned(_NEWEST))
    present_stranger(stranger, name="operator", now=clock.now())
    clients = {"no certificate": _http2(pinned(_NEWEST)), "another authority's certificate": stranger}
    for client, context in clients.items():
        _judge_refusal(endpoint, f"a client with {client}", await endpoint.shake(context))
    await _still_there(endpoint, ours)
    return endpoint.examined()


def _http2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["h2"])
    return context


async def _newest(endpoint: _Endpoint, trusted: ssl.SSLContext, *, anybody: _Client) -> Outcome:
    """What the server does with the newest version, and whether its certificate is to be trusted."""
    outcome = await endpoint.shake(trusted)
    if isinstance(outcome, Distrusted):
        endpoint.broken(f"its certificate is not to be trusted: {outcome.why}")
        outcome = await endpoint.shake(anybody(_NEWEST))
    if isinstance(outcome, Taken):
        endpoint.seen.append(f"TLS {_NEWEST} taken ({outcome.cipher})")
    elif isinstance(outcome, Unclear):
        endpoint.unknown.append(outcome.why)
    return outcome


def _judge_names(endpoint: _Endpoint, certificate: bytes, *, service: str, clock: Clock) -> None:
    names = names_of(certificate)
    if names != [service]:
        endpoint.broken(f"its certificate names {', '.join(names) or 'nobody'}, not {service} alone")
        return
    days = (ends_at(certificate) - clock.now()).days
    endpoint.seen.append(f"its certificate names {service} alone, for {days} days more")


async def _judge_older(endpoint: _Endpoint, client: _Client, *, allowed: Sequence[str]) -> None:
    for version in _OLDER:
        try:
            context = client(version)
        except (ssl.SSLError, ValueError) as error:
            endpoint.unknown.append(f"this machine's TLS library cannot speak {version}: {type(error).__name__}")
            continue
        outcome = await endpoint.shake(context)
        if isinstance(outcome, Taken) and version in allowed:
            endpoint.seen.append(f"TLS {version} taken, which is its minimum ({outcome.cipher})")
        else:
            _judge_refusal(endpoint, f"TLS {version}", outcome)


def _judge_refusal(endpoint: _Endpoint, what: str, outcome: Outcome) -> None:
    match outcome:
        case Taken():
            endpoint.broken(f"{what} is taken{f' ({outcome.cipher})' if outcome.cipher else ''}")
        case Refused():
            endpoint.refused.setdefault(outcome.how, []).append(what)
        case Distrusted() | Unclear():
            endpoint.unknown.append(f"{what}: {outcome.why}")


async def _still_there(endpoint: _Endpoint, client: _Client) -> None:
    """Refusals were refusals of what was offered only if the server took the rest all the while."""
    outcome = await endpoint.shake(client(_NEWEST))
    if not isinstance(outcome, Taken) and not endpoint.unknown:
        endpoint.unknown.append(f"TLS {_NEWEST} was not taken at the end, so the refusals prove nothing")
