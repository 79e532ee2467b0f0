"""Settings: what an operator decides, read once from the environment, checked before anything starts."""

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from wardenry.credentials import TlsFiles

PREFIX = "WARDENRY_"
#: sysexits.h: the configuration is wrong. A supervisor should not start the process again and again.
EXIT_CONFIGURATION = 78
#: Services whose own variables (WARDENRY_<SERVICE>_…) may stand in an environment that several processes share. Each
#: checks its own.
SERVICES = ("identity", "session", "tenancy", "audit", "datarights", "gateway", "operator")
#: Variables of the local stack, which are no service's.
_ELSEWHERE = frozenset({"WARDENRY_HOME", "WARDENRY_HTTP_PORT", "WARDENRY_HTTPS_PORT"})


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{path} cannot be read by this user")
    return path


def _valkey(url: str) -> str:
    try:
        parts = urlsplit(url)
        # `port` raises for what is no number.
        whole = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("it is a URL, redis://host:port or rediss://host:port")
    return url


#: A file that must be there when the service starts: a certificate, a key, a connection URL.
ExistingFile = Annotated[Path, AfterValidator(_readable)]
#: host:port.
Address = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$", description="set host:port")]
#: What is expected where pydantic would say it in its own words. A field with a pattern says it by its description.
_EXPECTED = {
    "bool_parsing": "set true or false",
    "int_parsing": "set a whole number",
    "float_parsing": "set a number",
    "greater_than": "set more than {gt}",
    "greater_than_equal": "set at least {ge}",
    "less_than": "set less than {lt}",
    "less_than_equal": "set at most {le}",
}


class Settings(BaseModel):
    """What every service needs. A field here is WARDENRY_<FIELD>; a subclass names its service, and its own fields are
    WARDENRY_<SERVICE>_<FIELD>. Secrets are never values, always paths of files."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    #: Name of the service, and of its certificate.
    service: ClassVar[str] = ""

    #: Certificate authority of the peers, PEM.
    tls_ca_file: ExistingFile
    #: This service's certificate, PEM; its one DNS name is the service's.
    tls_cert_file: ExistingFile
    #: Its key, PEM.
    tls_key_file: ExistingFile
    #: Where to listen, host:port.
    listen: Address = "127.0.0.1:0"
    #: Where the peers are.
    identity_address: Address = "127.0.0.1:7001"
    session_address: Address = "127.0.0.1:7002"
    tenancy_address: Address = "127.0.0.1:7003"
    audit_address: Address = "127.0.0.1:7004"
    datarights_address: Address = "127.0.0.1:7005"
    #: Kafka, host:port, comma-separated.
    kafka_bootstrap: str = "127.0.0.1:9092"
    #: Whether producers are idempotent. True in production; the embedded broker lacks it.
    kafka_idempotence: bool = False
    #: Valkey or Redis, redis:// or rediss:// URL.
    valkey_url: Annotated[str, AfterValidator(_valkey)] = "redis://127.0.0.1:6379/0"
    #: The https origin of the gateway: `iss` of every token.
    issuer: str = Field(
        default="https://localhost:8443", pattern=r"^https://[^/\s?#]+$", description="set https://host, without a path"
    )
    #: The origin that links in mails lead to; the issuer unless set. Plain http is for this machine alone.
    link_origin: str = Field(
        default="",
        pattern=r"^(https://[^/\s?#]+|http://localhost(:[0-9]{1,5})?)?$",
        description="set https://host, without a path; or http://localhost:port",
    )
    #: Directory with one file per event source, <source>.key, 32 bytes: keys of the records' MACs.
    mac_keys_directory: Path | None = None
    #: The region whose stores this cell keeps.
    home_region: str = Field(default="eu", pattern=r"^[a-z]{2}[a-z0-9-]{0,30}$", description="set a region, such as eu")
    #: debug, info, warning or error.
    log_level: str = Field(
        default="info", pattern=r"^(debug|info|warning|error)$", description="set debug, info, warning or error"
    )
    #: Collector of traces and metrics, OTLP over gRPC, http(s)://host:port; nothing is exported without it.
    otlp_endpoint: str | None = Field(
        default=None, pattern=r"^https?://[^/\s?#@]+/?$", description="set http://host:4317"
    )
    #: Share of traces that begin here and are recorded, 0 to 1. Traces begun by a caller keep the caller's decision.
    trace_ratio: float = Field(default=0.05, ge=0, le=1)
    #: Whether gRPC reflection answers, to the peer "operator" alone.
    reflection: bool = False

    @property
    def origin(self) -> str:
        """Where people open the product."""
        return self.link_origin or self.issuer

    @property
    def tls(self) -> TlsFiles:
        return TlsFiles(ca_file=self.tls_ca_file, certificate_file=self.tls_cert_file, key_file=self.tls_key_file)


class SettingsInvalid(Exception):
    """The environment cannot be used. The text is one line: which variable, and what is expected."""


_S = TypeVar("_S", bound=Settings)


def load(cls: type[_S]) -> _S:
    """The settings of this process; on anything wrong, one line on stderr and exit status 78."""
    try:
        return read(cls, os.environ)
    except SettingsInvalid as error:
        _exit(str(error))


def read(cls: type[_S], environment: Mapping[str, str]) -> _S:
    """Settings from an environment. An empty value counts as absent. Raises SettingsInvalid."""
    variables = {variable_of(cls, field): field for field in cls.model_fields}
    values: dict[str, str] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX) or value == "":
            continue
        if variable in variables:
            values[variables[variable]] = value
        elif not _is_of_another(cls, variable) or _is_meant_for_all(variable):
            raise SettingsInvalid(f"{variable} is no setting of {cls.service}{_suggestion(variable, variables)}.")
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        variable = variable_of(cls, field) if field else f"{PREFIX}* of {cls.service}"
        if first["type"] == "missing":
            raise SettingsInvalid(f"{variable} is not set, and {cls.service} cannot start without it.") from None
        raise SettingsInvalid(f"{variable} is wrong: {_expected(cls, field, first)}.") from None


def variable_of(cls: type[Settings], field: str) -> str:
    """The variable of a field: WARDENRY_LISTEN, WARDENRY_SESSION_KEYRING_FILE."""
    if field in Settings.model_fields:
        return PREFIX + field.upper()
    return f"{PREFIX}{cls.service.upper()}_{field.upper()}"


def _expected(cls: type[Settings], field: str, error: ErrorDetails) -> str:
    if error["type"] == "string_pattern_mismatch" and field in cls.model_fields:
        return cls.model_fields[field].description or f"it must match {error['ctx']['pattern']}"
    if error["type"] in _EXPECTED:
        return _EXPECTED[error["type"]].format(**error.get("ctx", {}))
    return error["msg"].removeprefix("Value error, ")


def _is_of_another(cls: type[Settings], variable: str) -> bool:
    others = (service for service in SERVICES if service != cls.service)
    return variable in _ELSEWHERE or variable.startswith(tuple(f"{PREFIX}{other.upper()}_" for other in others))


def _is_meant_for_all(variable: str) -> bool:
    """Whether it looks like a peer's address that was misspelt: those begin as the peer's own variables do, and a
    service that passed over it would use the default."""
    addresses = [variable_of(Settings, field) for field in Settings.model_fields if field.endswith("_address")]
    return bool(difflib.get_close_matches(variable, addresses, n=1, cutoff=0.9))


def _suggestion(variable: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(variable, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _exit(line: str) -> NoReturn:
    sys.stderr.write(f"{line}\n")
    raise SystemExit(EXIT_CONFIGURATION)
