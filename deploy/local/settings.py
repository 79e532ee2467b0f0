"""What a person may set about the local stack, by environment variables. Everything has a default."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

#: Settings of the services themselves pass through to them; they check them.
SERVICE_PREFIXES = tuple(
    f"WARDENRY_{service}_" for service in ("IDENTITY", "SESSION", "TENANCY", "AUDIT", "DATARIGHTS", "GATEWAY")
)
HIGHEST_PORT = 65535
BROKER = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:,/@]+):\d{1,5}")
#: Where a URL of that scheme leads without a port.
DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}


class Broker(StrEnum):
    TANSU = "tansu"
    KAFKA = "kafka"


class SettingInvalid(Exception):
    """A variable of the environment cannot be used. The text is one line that names it and says what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """Each field is the variable `WARDENRY_<FIELD>`."""

    #: Where everything is kept: data, keys, certificates, logs.
    home: Path = Path(".wardenry")
    #: The gateway's ports on 127.0.0.1: these or none. Unset, 8080 and 8443, or the next free ones.
    http_port: int | None = None
    https_port: int | None = None
    #: A file with the administrator's URL of a PostgreSQL cluster of your own, for the services and for the vault.
    postgres_administrator_url_file: Path | None = None
    vault_administrator_url_file: Path | None = None
    #: `redis://` URL of a Valkey or Redis of your own.
    valkey_url: str | None = None
    #: Which broker is started: the embedded one, or Apache Kafka where Java and Maven are.
    broker: Broker = Broker.TANSU
    #: host:port of a Kafka broker of your own, which is used instead.
    kafka_bootstrap: str | None = None
    #: Whether producers are idempotent. Unset, they are on Apache Kafka; the embedded broker cannot.
    kafka_idempotence: bool | None = None
    #: debug, info, warning or error.
    log_level: str = "info"
    #: Where traces and metrics are sent, as OTLP over gRPC; unset, nowhere.
    otlp_endpoint: str | None = None
    #: Share of requests whose traces are sent there, 0 to 1. All of them: this stack is for looking into.
    trace_ratio: float = 1.0

    @property
    def idempotence(self) -> bool:
        """Whether producers are idempotent."""
        apache = self.broker is Broker.KAFKA and self.kafka_bootstrap is None
        return apache if self.kafka_idempotence is None else self.kafka_idempotence

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> tuple["StackSettings", dict[str, str]]:
        """The settings in `environment`, and the variables that are meant for the services.

        An empty value counts as unset. Raises SettingInvalid.
        """
        parsers = {
            "home": path,
            "http_port": port,
            "https_port": port,
            "postgres_administrator_url_file": path,
            "vault_administrator_url_file": path,
            "valkey_url": valkey_url,
            "broker": broker,
            "kafka_bootstrap": brokers,
            "kafka_idempotence": boolean,
            "log_level": level,
            "otlp_endpoint": collector,
            "trace_ratio": ratio,
        }
        known = {f"WARDENRY_{field.name.upper()}": field.name for field in fields(cls)}
        given: dict[str, object] = {}
        passed: dict[str, str] = {}
        for variable, value in environment.items():
            if not variable.startswith("WARDENRY_") or value == "":
                continue
            if variable in known:
                name = known[variable]
                given[name] = parsers.get(name, text)(variable, value)
            elif variable.startswith(SERVICE_PREFIXES):
                passed[variable] = value
            else:
                raise SettingInvalid(unknown(variable, known))
        settings = cls(**given)  # type: ignore[arg-type] # each parser gives its field's type
        if settings.kafka_idempotence and settings.broker is Broker.TANSU and settings.kafka_bootstrap is None:
            raise SettingInvalid(
                "WARDENRY_KAFKA_IDEMPOTENCE is true, which the embedded broker cannot: leave it out, or use "
                "make run BROKER=kafka."
            )
        return settings, passed


def unknown(variable: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(variable, known, n=1, cutoff=0.8)
    return f"{variable} is no setting. " + (f"Did you mean {near[0]}?" if near else "README.md lists them.")


def text(_variable: str, value: str) -> str:
    return value


def path(_variable: str, value: str) -> Path:
    return Path(value).expanduser()


def port(variable: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= HIGHEST_PORT:
        raise SettingInvalid(f"{variable} is {value!r}: set a port from 1 to {HIGHEST_PORT}.")
    return int(value)


def boolean(variable: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise SettingInvalid(f"{variable} is {value!r}: set true or false.")
    return value.lower() == "true"


def level(variable: str, value: str) -> str:
    if value.lower() not in ("debug", "info", "warning", "error"):
        raise SettingInvalid(f"{variable} is {value!r}: set debug, info, warning or error.")
    return value.lower()


def collector(variable: str, value: str) -> str:
    # Who sends takes no user and no password from it.
    if not is_url(value, "http", "https") or "@" in value or urlsplit(value).path not in ("", "/"):
        raise SettingInvalid(f"{variable} is no address of an OTLP receiver: set http://host:4317.")
    return value


def ratio(variable: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingInvalid(f"{variable} is {value!r}: set a number from 0 to 1.")
    return share


def broker(variable: str, value: str) -> Broker:
    try:
        return Broker(value.lower())
    except ValueError as error:
        raise SettingInvalid(f"{variable} is {value!r}: set tansu or kafka.") from error


def brokers(variable: str, value: str) -> str:
    if not all(BROKER.fullmatch(broker) for broker in value.split(",")):
        raise SettingInvalid(f"{variable} is {value!r}: set host:port, or several with commas.")
    return value


def valkey_url(variable: str, value: str) -> str:
    # It may hold a password, so it is not repeated.
    if not is_url(value, "redis", "rediss"):
        raise SettingInvalid(f"{variable} is no address of a Valkey: set redis://[:password@]host:port/0.")
    return value


def administrator_url(file: Path) -> str:
    """The URL that is kept in `file`. Raises SettingInvalid, without the URL, which holds a password."""
    try:
        url = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise SettingInvalid(f"{file}: {reason}; put the administrator's URL there.") from error
    if not is_url(url, "postgresql", "postgres"):
        raise SettingInvalid(f"{file}: holds no URL such as postgresql://administrator:password@host:5432/postgres.")
    return url


def is_url(text: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


def host_and_port(url: str) -> str:
    """host:port of a URL, without its user and password."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or DEFAULT_PORTS[parts.scheme]}"
