"""The description of the JSON API says what the gateway does: it is the one that the code makes, whole, and valid."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_pydantic import OpenAPI
from pydantic import BaseModel
from starlette.routing import Route

from libs.config.settings import read
from libs.db.schemas import ROOT
from libs.service.parts import open_parts
from services.gateway.api import sessions, subject
from services.gateway.api.description import FILE
from services.gateway.api.operation import Input, Operation
from services.gateway.api.routing import ApiRoute
from services.gateway.config import GatewaySettings
from services.gateway.description.__main__ import written
from services.gateway.description.contracts import read_contracts
from services.gateway.description.document import document, operations
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes
from services.gateway.wiring import Gateway
from tests.support.description import PROGRAMS, Description
from tests.support.mutual_tls import CertificatesForTests

GATEWAY = ROOT / "services" / "gateway"
#: What answers where no operation does (services/gateway/edge/application.py), and so is in none.
OUTSIDE = {(405, "FIELD_INVALID")}
#: RPCs that are made for an operation elsewhere than in its handler.
ELSEWHERE = [*GATEWAY.glob("edge/*.py"), GATEWAY / "api" / "audit.py", GATEWAY / "api" / "requests.py"]


@pytest.fixture
async def routes(tmp_path: Path) -> list[Route]:
    """Every route of the gateway, as it would be served."""
    tls = CertificatesForTests(directory=tmp_path).of("gateway")
    (tmp_path / "csrf").write_bytes(b"0" * 32)
    environment = {
        "WARDENRY_TLS_CA_FILE": str(tls.ca_file),
        "WARDENRY_TLS_CERT_FILE": str(tls.certificate_file),
        "WARDENRY_TLS_KEY_FILE": str(tls.key_file),
        "WARDENRY_GATEWAY_CERTIFICATE_FILE": str(tls.certificate_file),
        "WARDENRY_GATEWAY_KEY_FILE": str(tls.key_file),
        "WARDENRY_GATEWAY_CSRF_KEY_FILE": str(tmp_path / "csrf"),
    }
    settings = read(GatewaySettings, environment)
    async with open_parts(settings) as parts, parts.verifier() as verifier:
        gateway = Gateway(settings, parts=parts)
        edge, pages = gateway.edge(verifier), Pages()
        return gateway.routes(edge, pages=pages, page_routes=PageRoutes(edge=edge, pages=pages))


def test_the_committed_description_is_the_codes() -> None:
    assert FILE.read_text(encoding="utf-8") == written(), "run: make protos"


def test_every_route_of_programs_is_described_and_every_description_is_served(routes: list[Route]) -> None:
    served = {
        (method, route.path): route
        for route in routes
        for method in (route.methods or set()) - {"HEAD"}
        if PROGRAMS.match(route.path)
    }
    assert len(served) > 30
    described = {(each.method, each.path): each for _, each in operations()}
    assert set(served) == set(described)
    for key, route in served.items():
        assert isinstance(route, ApiRoute), key
        assert route.operation is described[key]


def test_no_two_operations_have_one_name() -> None:
    names = [each.name for _, each in operations()]
    assert sorted(names) == sorted(set(names))


def unknown_parts(part: object, where: str = "") -> Iterator[str]:
    """What OpenAPI 3.1 has no place for."""
    if isinstance(part, BaseModel):
        yield from (f"{where}/{name}" for name in part.model_extra or {} if not name.startswith("x-"))
        for name in type(part).model_fields:
            yield from unknown_parts(getattr(part, name), f"{where}/{name}")
    elif isinstance(part, dict):
        for name, each in part.items():
            yield from unknown_parts(each, f"{where}/{name}")
    elif isinstance(part, list):
        for i, each in enumerate(part):
            yield from unknown_parts(each, f"{where}/{i}")


def test_the_description_is_valid() -> None:
    description = Description()
    assert list(unknown_parts(OpenAPI.model_validate(description.document))) == []
    for schema in schemas(description.document):
        jsonschema_rs.meta.validate(schema)
    for reference in references(description.document):
        assert description.resolved({"$ref": reference})


def schemas(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield from ([part["schema"]] if "schema" in part else [])
        yield from part["schemas"].values() if "schemas" in part else []
        for each in part.values():
            yield from schemas(each)
    elif isinstance(part, list):
        for each in part:
            yield from schemas(each)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def raised() -> Iterator[tuple[int, str, str]]:
    """Status and reason of each Problem that the API's code raises by itself, and where."""
    for file in [*GATEWAY.glob("api/*.py"), *GATEWAY.glob("edge/*.py"), *GATEWAY.glob("openid/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                status, reason = node.args[:2]
                if isinstance(status, ast.Constant) and isinstance(reason, ast.Constant):
                    yield int(str(status.value)), str(reason.value), f"{file.name}:{node.lineno}"


def test_every_refusal_of_the_gateway_itself_is_described() -> None:
    description = Description()
    described = {
        (status, reason)
        for each in description.operations()
        for status, reasons in description.refusals(each).items()
        for reason in reasons
    }
    found = list(raised())
    assert len(found) > 10
    missing = [each for each in found if each[:2] not in described | OUTSIDE]
    assert missing == []


def test_an_operation_names_the_rpcs_that_it_makes(routes: list[Route]) -> None:
    elsewhere = "".join(path.read_text(encoding="utf-8") for path in ELSEWHERE)
    for route in routes:
        if isinstance(route, ApiRoute):
            named = {rpc.rpartition(".")[2] for rpc in route.operation.rpcs}
            source = inspect.getsource(handler_of(route))
            assert set(re.findall(r"\.backends\.\w+\.(\w+)\(", source)) <= named, route.path
            assert all(f".{rpc}(" in source + elsewhere for rpc in named), route.path


def handler_of(route: ApiRoute) -> Any:
    return inspect.getclosurevars(route.endpoint).nonlocals["handler"]


@pytest.mark.parametrize(
    ("module", "name", "changed"),
    [
        (subject, "GET", replace(subject.GET, method="PUT")),
        (subject, "GET", replace(subject.GET, path="/api/v1/self")),
        (subject, "GET", replace(subject.GET, status=203)),
        (subject, "GET", replace(subject.GET, refusals=("REASON_CONFLICT",))),
        (sessions, "CREATE", replace(sessions.CREATE, body={**(sessions.CREATE.body or {}), "remember": Input()})),
        (sessions, "LIST", replace(sessions.LIST, query={})),
        (sessions, "SECOND", replace(sessions.LIST, name="second", path="/api/v1/second")),
    ],
    ids=["method", "path", "status", "reason", "field", "parameter", "route"],
)
def test_a_change_of_the_code_is_seen(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, changed: Operation[Any]
) -> None:
    monkeypatch.setattr(module, name, changed, raising=False)
    assert document(read_contracts()) != Description().document
