"""One TLS handshake with a server, and who ended it if it came to nothing.

The bytes are read as they arrive, so that a refusal counts only where it came from the server: a client's library has
its own minimum, and what that refuses says nothing about the server.
"""

import asyncio
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

#: Seconds for one handshake, and for the first answer after it.
HANDSHAKE_SECONDS = 4.0
#: The versions that there are, by the names that people use; the newest first.
VERSIONS = {
    "1.3": ssl.TLSVersion.TLSv1_3,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.0": ssl.TLSVersion.TLSv1,
}
CLOSED = "connection closed"
OLDER = "an older version chosen"
#: RFC 8446 section 5.1 and 4: content types and the handshake type of ServerHello.
_ALERT, _HANDSHAKE, _SERVER_HELLO = 21, 22, 2
_HEADER_BYTES = 5
_VERSION_AT = slice(9, 11)
#: RFC 8446 section 4.1.3: a ServerHello of TLS 1.3 has the number of 1.2 there, so that this one alone tells nothing.
_TLS_1_2_AND_LATER = b"\x03\x03"
_CHUNK = 64 * 1024
#: RFC 8446 section 6: the alerts that refusals are made of.
_ALERTS = {
    40: "handshake_failure",
    42: "bad_certificate",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    116: "certificate_required",
    120: "no_application_protocol",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """The server took it."""

    #: Empty when the server chose this version and the client's library went no further.
    cipher: str
    #: DER; empty likewise.
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The server ended it."""

    #: "alert protocol_version", or that it closed the connection.
    how: str


@dataclass(frozen=True, slots=True)
class Distrusted:
    """The client did not accept the server's certificate."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Neither: no connection, no answer, or the client's own library gave up."""

    why: str


Outcome = Taken | Refused | Distrusted | Unclear


def pinned(version: str, *, base: ssl.SSLContext | None = None) -> ssl.SSLContext:
    """A client that speaks this version alone, and takes any cipher of it and any certificate; with `base` that one,
    with its judgement of certificates. Raises ssl.SSLError where the library cannot speak it."""
    context = base
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Level 0 takes what is long broken: it is the server that is to refuse it.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # Widened first: a minimum above the maximum is refused.
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = VERSIONS[version]
        context.minimum_version = VERSIONS[version]
    return context


def trusting(ca_file: Path) -> ssl.SSLContext:
    """A client that takes certificates of this authority alone, for the name that it asks for. Raises OSError."""
    return ssl.create_default_context(cafile=ca_file)


async def shake_hands(address: str, context: ssl.SSLContext, *, name: str, greeting: bytes) -> Outcome:
    """One handshake with the server at `address` (host:port), asked for as `name`. After it `greeting` is sent; that
    the server took the client, too, only its answer shows."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                return await _Handshake(context, name=name, reader=reader, writer=writer).run(greeting)
            finally:
                writer.close()
    except TimeoutError:
        return Unclear(f"no answer within {HANDSHAKE_SECONDS:g} seconds")
    except OSError as error:
        return Unclear(f"no connection: {error.strerror or type(error).__name__}")


class _Handshake:
    def __init__(
        self, context: ssl.SSLContext, *, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        #: What is offered, as a ServerHello has it.
        self._version = int(context.maximum_version).to_bytes(2, "big", signed=True)
        self._sent = 0
        #: What the server sent first, in clear: as much as tells what it is.
        self._first = b""

    async def run(self, greeting: bytes) -> Outcome:
        greeted = False
        while True:
            try:
                if not greeted:
                    self._tls.do_handshake()
                    self._tls.write(greeting)
                    greeted = True
                self._tls.read(1)
                return self._taken()
            except ssl.SSLWantReadError:
                try:
                    open_still = await self._exchange()
                except ConnectionError:
                    open_still = False
                if not open_still:
                    return self._closed()
            except ssl.SSLZeroReturnError:
                return Refused(CLOSED)
            except ssl.SSLCertVerificationError as error:
                return Distrusted(error.verify_message)
            except ssl.SSLError as error:
                return self._failed(error, greeted=greeted)

    async def _exchange(self) -> bool:
        """Sends what is to be sent and takes in what comes; answers whether anything did. Raises ConnectionError."""
        data = self._outgoing.read()
        if data:
            self._writer.write(data)
            await self._writer.drain()
            self._sent += len(data)
        received = await self._reader.read(_CHUNK)
        self._first = (self._first + received)[:16]
        self._incoming.write(received)
        return bool(received)

    def _taken(self) -> Outcome:
        cipher = self._tls.cipher()
        return Taken(cipher[0] if cipher else "", self._tls.getpeercert(binary_form=True) or b"")

    def _closed(self) -> Outcome:
        """The server closed, which is its refusal once it has our first message."""
        return Refused(CLOSED) if self._sent else Unclear("the connection closed before anything was sent")

    def _failed(self, error: ssl.SSLError, *, greeted: bool) -> Outcome:
        reason = error.reason or type(error).__name__
        if greeted or "ALERT" in reason:
            # An alert that was read is the server's; after the handshake, it came encrypted.
            alert = reason.partition("ALERT_")[2]
            return Refused(f"alert {alert.lower()}") if alert else Unclear(f"the client gave up: {reason}")
        kind = self._first[0] if self._first else None
        if kind == _ALERT and len(self._first) > _HEADER_BYTES + 1:
            number = self._first[_HEADER_BYTES + 1]
            return Refused(f"alert {_ALERTS.get(number, number)}")
        if kind == _HANDSHAKE and self._first[_HEADER_BYTES : _HEADER_BYTES + 1] == bytes([_SERVER_HELLO]):
            # It has answered with its choice: whatever our library dislikes about the rest, this is the server's word.
            chosen = self._first[_VERSION_AT]
            if chosen == self._version:
                return Taken("", b"")
            if chosen < min(self._version, _TLS_1_2_AND_LATER):
                return Refused(OLDER)
        return Unclear(f"the client gave up: {reason}")
