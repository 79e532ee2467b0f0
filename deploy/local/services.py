"""The product's own processes in the local stack: how each is started, what it is told, when it is healthy."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

import grpc
from grpc_health.v1 import health_pb2

from deploy.local.home import Home
from deploy.local.process import Process
from deploy.local.secrets import KEYRINGS, KEYS
from deploy.local.settings import SettingInvalid, StackSettings
from deploy.postgres.provision import LOGINS
from libs.db.schemas import ROOT
from libs.rpc.tls import ENVIRONMENT as TLS_ENVIRONMENT
from wardenry.channels import CONNECTING_MILLISECONDS

#: In the order of their start.
GRPC_SERVICES = ("identity", "session", "tenancy", "audit", "datarights")
PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where the things are that services use."""

    settings: StackSettings
    home: Home
    ports: Mapping[str, int]
    kafka_bootstrap: str
    valkey_url: str
    passed: Mapping[str, str]

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.ports['gateway-https']}"

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"


def environment(service: str, around: Surroundings) -> dict[str, str]:
    """Everything that a service is told: the way to its peers and stores, and its own secrets, no others.

    Raises SettingInvalid for a variable of the person's that the stack must set itself.
    """
    home, settings = around.home, around.settings
    prefix = f"WARDENRY_{service.upper()}_"
    told = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "GRPC_VERBOSITY": "ERROR",
        **TLS_ENVIRONMENT,
        "WARDENRY_TLS_CA_FILE": str(home.pki / "ca.crt"),
        "WARDENRY_TLS_CERT_FILE": str(home.pki / f"{service}.crt"),
        "WARDENRY_TLS_KEY_FILE": str(home.pki / f"{service}.key"),
        "WARDENRY_VALKEY_URL": around.valkey_url,
        "WARDENRY_ISSUER": around.issuer,
        # Browsers warn at the HTTPS address, whose authority was made on this machine.
        "WARDENRY_LINK_ORIGIN": f"http://localhost:{around.ports['gateway-http']}",
        "WARDENRY_HOME_REGION": "eu",
        "WARDENRY_LOG_LEVEL": settings.log_level,
        **secret_files(service, home),
        **{f"WARDENRY_{peer.upper()}_ADDRESS": around.address(peer) for peer in GRPC_SERVICES},
    }
    if settings.otlp_endpoint:
        told["WARDENRY_OTLP_ENDPOINT"] = settings.otlp_endpoint
        told["WARDENRY_TRACE_RATIO"] = str(settings.trace_ratio)
    if service == "gateway":
        told |= {
            f"{prefix}HTTPS_LISTEN": around.address("gateway-https"),
            f"{prefix}HTTP_LISTEN": around.address("gateway-http"),
            f"{prefix}CERTIFICATE_FILE": str(home.pki / "edge.crt"),
            f"{prefix}KEY_FILE": str(home.pki / "edge.key"),
            f"{prefix}MAILBOX": f"http://{around.address('mail-http')}",
        }
    else:
        told |= {
            "WARDENRY_LISTEN": around.address(service),
            "WARDENRY_KAFKA_BOOTSTRAP": around.kafka_bootstrap,
            "WARDENRY_KAFKA_IDEMPOTENCE": str(settings.idempotence).lower(),
            "WARDENRY_MAC_KEYS_DIRECTORY": str(home.secrets / service / "mac-keys"),
        }
    if service in ("identity", "tenancy"):
        told |= {f"{prefix}SMTP_HOST": "127.0.0.1", f"{prefix}SMTP_PORT": str(around.ports["mail-smtp"])}
    if service == "audit":
        told |= {
            f"{prefix}LOG_ORIGIN": f"localhost:{around.ports['gateway-https']}/audit",
            f"{prefix}OBJECT_STORE_URL": (home.objects / "audit").as_uri(),
        }
    if service == "datarights":
        told |= {
            f"{prefix}ARCHIVE_KEY_NAME": f"localhost:{around.ports['gateway-https']}/archive",
            f"{prefix}OBJECT_STORE_URL": (home.objects / "datarights").as_uri(),
        }
    passed = {variable: value for variable, value in around.passed.items() if variable.startswith(prefix)}
    for variable in passed.keys() & told.keys():
        raise SettingInvalid(f"{variable} is set by the local stack itself: take it out of the environment.")
    return told | passed


def operator_environment(around: Surroundings) -> str:
    """What `wardenry` reads from the home when its own environment names no deployment: lines for a shell."""
    pki = around.home.pki
    told = {
        "WARDENRY_TLS_CA_FILE": str(pki / "ca.crt"),
        "WARDENRY_TLS_CERT_FILE": str(pki / "operator.crt"),
        "WARDENRY_TLS_KEY_FILE": str(pki / "operator.key"),
        "WARDENRY_ISSUER": around.issuer,
        "WARDENRY_OPERATOR_EDGE_CA_FILE": str(pki / "edge-ca.crt"),
        **{f"WARDENRY_{peer.upper()}_ADDRESS": around.address(peer) for peer in GRPC_SERVICES},
    }
    return "".join(f"{variable}={shlex.quote(value)}\n" for variable, value in told.items())


def secret_files(service: str, home: Home) -> dict[str, str]:
    """The settings that name a service's own secrets. The owner's URL is for migrations and not among them."""
    prefix = f"WARDENRY_{service.upper()}_"
    own = home.secrets / service
    files = {}
    for role in LOGINS.get(service, ()):
        if role != "owner":
            setting = "DATABASE_URL_FILE" if role == "runtime" else f"{role.upper()}_DATABASE_URL_FILE"
            files[prefix + setting] = home.secrets / f"{service}_{role}.url"
    for name in KEYS.get(service, ()):
        setting = name.removesuffix(".key").replace("-", "_").upper() + "_KEY_FILE"
        files[prefix + setting.replace("PEPPER_KEY_FILE", "PEPPER_FILE")] = own / name
    if service in KEYRINGS:
        files[f"{prefix}KEYRING_FILE"] = own / "keyring.json"
    if service == "identity":
        files[f"{prefix}VAULT_DATABASE_URL_FILE"] = home.secrets / "vault_runtime.url"
        files[f"{prefix}VAULT_MAINTENANCE_DATABASE_URL_FILE"] = home.secrets / "vault_maintenance.url"
    return {variable: str(file) for variable, file in files.items()}


class GrpcService:
    """One of the gRPC services, asked for its health under the operator's certificate."""

    def __init__(self, *, name: str, around: Surroundings) -> None:
        self.name = name
        self.address = around.address(name)
        self.process = python(f"services.{name}", name=name, around=around, told=environment(name, around))
        pki = around.home.pki
        self._channel = grpc.secure_channel(
            self.address,
            grpc.ssl_channel_credentials(
                root_certificates=(pki / "ca.crt").read_bytes(),
                private_key=(pki / "operator.key").read_bytes(),
                certificate_chain=(pki / "operator.crt").read_bytes(),
            ),
            options=[
                ("grpc.ssl_target_name_override", name),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", CONNECTING_MILLISECONDS),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        self._check = self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    def spawn(self) -> None:
        self.process.start()

    def ready(self) -> bool:
        try:
            answer = self._check(health_pb2.HealthCheckRequest(), timeout=PROBE_SECONDS)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class HttpService:
    """A process that answers `GET /healthz`: the gateway, the mail catcher."""

    def __init__(self, *, name: str, address: str, process: Process) -> None:
        self.name = name
        self.address = address
        self.process = process

    def spawn(self) -> None:
        self.process.start()

    def ready(self) -> bool:
        connection = HTTPConnection(self.address, timeout=PROBE_SECONDS)
        try:
            connection.request("GET", "/healthz", headers={"Host": f"localhost:{self.address.rpartition(':')[2]}"})
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def gateway(around: Surroundings) -> HttpService:
    process = python("services.gateway", name="gateway", around=around, told=environment("gateway", around))
    return HttpService(name="gateway", address=around.address("gateway-http"), process=process)


def mail(around: Surroundings) -> HttpService:
    smtp, http = str(around.ports["mail-smtp"]), str(around.ports["mail-http"])
    arguments = ["--smtp-port", smtp, "--http-port", http, "--directory", str(around.home.mail)]
    told = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    process = python("deploy.local.mail", *arguments, name="mail", around=around, told=told)
    return HttpService(name="mail", address=around.address("mail-http"), process=process)


def python(module: str, *arguments: str, name: str, around: Surroundings, told: Mapping[str, str]) -> Process:
    """A module of this tree, run by this Python."""
    return Process(
        name=name,
        program=[sys.executable, "-m", module, *arguments],
        log=around.home.logs / f"{name}.log",
        environment=told,
        directory=ROOT,
    )
