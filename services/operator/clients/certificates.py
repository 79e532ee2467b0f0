"""Certificates as the servers present them in a handshake of their own: gRPC's client keeps them to itself."""

import ssl
from urllib.parse import urlsplit

from cryptography import x509

from libs.controls.transport.handshake import (
    Distrusted,
    Outcome,
    Refused,
    Taken,
    Unclear,
    pinned,
    shake_hands,
    trusting,
)
from libs.controls.transport.stranger import ends_at, names_of
from services.operator.clients.deployment import Deployment
from services.operator.domain.status import Certificate, Presented

#: RFC 9113 section 3.4: what an HTTP/2 client says first, with empty settings.
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_HTTPS_PORT = 443
_NEWEST = "1.3"


class TlsCertificates:
    def __init__(self, *, deployment: Deployment) -> None:
        self._deployment = deployment

    async def of_service(self, service: str) -> Presented:
        async def shake(context: ssl.SSLContext) -> Outcome:
            context.load_cert_chain(self._deployment.tls.certificate_file, self._deployment.tls.key_file)
            context.set_alpn_protocols(["h2"])
            return await shake_hands(self._deployment.address(service), context, name=service, greeting=_HTTP2)

        trusted = await shake(_up_to_newest(trusting(self._deployment.tls.ca_file)))
        return presented(trusted, await shake(pinned(_NEWEST)) if isinstance(trusted, Distrusted) else trusted)

    async def of_gateway(self) -> Presented:
        parts = urlsplit(self._deployment.gateway)
        host, port = parts.hostname or "", parts.port or _HTTPS_PORT
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        greeting = f"HEAD /healthz HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()

        async def shake(context: ssl.SSLContext) -> Outcome:
            return await shake_hands(address, context, name=host, greeting=greeting)

        trusted = await shake(_up_to_newest(self._deployment.edge_context()))
        return presented(trusted, await shake(pinned(_NEWEST)) if isinstance(trusted, Distrusted) else trusted)


def _up_to_newest(context: ssl.SSLContext) -> ssl.SSLContext:
    # A handshake is judged by the version that it may reach at most, so it has to be said.
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    return context


def presented(trusted: Outcome, seen: Outcome) -> Presented:
    """`seen` is a handshake by somebody who trusts everybody, where `trusted` came to nothing for want of trust."""
    certificate = _read(seen.certificate) if isinstance(seen, Taken) else None
    match trusted:
        case Taken():
            trouble = ""
        case Distrusted(why):
            trouble = f"its certificate is not to be trusted: {why}"
        case Refused(how):
            trouble = f"it refuses our certificate: {how}"
        case Unclear():
            trouble = trusted.why
    return Presented(certificate=certificate, trouble=trouble, answered=not isinstance(trusted, Unclear))


def _read(der: bytes) -> Certificate | None:
    """None without one, and for one that cannot be read: whoever is not trusted shows what they like."""
    try:
        return Certificate(names=tuple(names_of(der)), ends_at=ends_at(der)) if der else None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
