"""Keeps secrets and people out of logs, whatever is logged: by the names of fields, and by the looks of texts."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"
#: Characters of one text that are written. The patterns take time that grows with its square.
LONGEST_TEXT = 2_048
#: Fields whose names contain one of these words hold secrets or say something about a person.
_WORDS = frozenset(
    {
        "address", "agent", "authorization", "bearer", "code", "cookie", "credential", "dsn", "email", "fingerprint",
        "ip", "jwt", "mail", "metadata", "name", "password", "phone", "recipient", "secret", "ticket", "token", "url",
    }
)  # fmt: skip
#: Fields that would be caught above and are known to be harmless.
_HARMLESS = frozenset({"status_code", "error_code", "exit_code", "process_name", "token_id"})
_LOOKS = re.compile(
    r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*"  # a JSON Web Token
    r"|(?i:bearer)\s+\S+"
    r"|[^\s@\"'<>]+@[^\s@\"'<>]+\.[^\s@\"'<>]+"  # a mail address, or the credentials of a URL
    r"|\b(?:\d{1,3}\.){3}\d{1,3}\b"  # IPv4
    r"|\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{0,4}"  # IPv6
    r"|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){0,6}(?:[0-9a-fA-F]{1,4})?::[0-9a-fA-F:.]*"  # IPv6, shortened
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|\([^()]*\)=\([^()]*\)")


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event without what must not be in it."""
    for name, value in event.items():
        event[name] = _redacted(name, value)
    return event


def scrubbed(text: str) -> str:
    """A text without tokens and addresses, cut to a length whose search costs little, whoever chose the text."""
    return _LOOKS.sub(REDACTED, text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…")


def summary(error: BaseException) -> str:
    """What may be logged of an error: its type, and the first line of its text without anything quoted in it.

    Drivers quote the values that they choke on, and their second lines hold whole keys.
    """
    first = str(error).partition("\n")[0][:200]
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"{kind}: {_QUOTED.sub('…', scrubbed(first))}" if first else kind


def _redacted(name: str, value: Any) -> Any:
    if name not in _HARMLESS and not _WORDS.isdisjoint(re.split(r"[^a-z]+", name.lower())):
        return REDACTED
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(name, each) for each in value]
    if isinstance(value, bytes):
        return REDACTED
    return value
