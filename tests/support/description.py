"""The description of the JSON API as tests hold answers against it."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jsonschema_rs

from deploy.local.demo.browser import Browser
from services.gateway.api.description import FILE

PROBLEM = "application/problem+json"
#: Where programs ask. What people see elsewhere are pages.
PROGRAMS = re.compile(r"/(?:api|\.well-known|audit)/")


class Undescribed(AssertionError):
    """An answer, or a request that was taken, which the description does not know. The text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One operation of the description."""

    name: str
    method: str
    path: str
    operation: dict[str, Any]

    @property
    def pattern(self) -> "re.Pattern[str]":
        slashes = {"path": ".+"}
        parts = re.split(r"\{(\w+)\}", self.path)
        return re.compile(
            "".join(slashes.get(part, "[^/]+") if i % 2 else re.escape(part) for i, part in enumerate(parts))
        )


@dataclass(slots=True)
class Description:
    """The committed description. Remembers which answers it was asked about."""

    document: dict[str, Any] = field(default_factory=lambda: json.loads(FILE.read_text(encoding="utf-8")))
    seen: set[tuple[str, int, str]] = field(default_factory=set)
    _operations: list[Described] = field(default_factory=list)
    _validators: dict[str, Any] = field(default_factory=dict)

    def operations(self) -> list[Described]:
        self._operations = self._operations or [
            Described(name=operation["operationId"], method=method.upper(), path=path, operation=operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]
        return self._operations

    def operation(self, method: str, path: str) -> Described | None:
        """The one that a request names. What names several is the one with the fewest parameters, as in the router."""
        found = [each for each in self.operations() if each.method == method and each.pattern.fullmatch(path)]
        return min(found, key=lambda each: each.path.count("{"), default=None)

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """What a part refers to, or itself."""
        while "$ref" in part:
            target: Any = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            part = target
        return part

    def refusals(self, described: Described) -> dict[int, list[str]]:
        """The reasons by status."""
        found: dict[int, list[str]] = {}
        for status, part in described.operation["responses"].items():
            content = self.resolved(part).get("content", {})
            if PROBLEM in content:
                found[int(status)] = content[PROBLEM]["schema"]["allOf"][1]["properties"]["reason"]["enum"]
        return found

    def check(self, response: httpx2.Response) -> None:
        """Raises Undescribed when the answer is not one that the description has for this request."""
        request = response.request
        path = urlsplit(str(request.url)).path
        if not PROGRAMS.match(path):
            return
        described = self.operation(request.method, path)
        asked = f"{request.method} {path}"
        if described is None:
            if response.status_code not in (404, 405):
                raise Undescribed(f"{asked} is not described, and answered {response.status_code}")
            return
        part = described.operation["responses"].get(str(response.status_code))
        if part is None:
            raise Undescribed(f"{asked}: {response.status_code} is not described: {response.text[:200]}")
        self._check_answer(f"{asked} {response.status_code}", self.resolved(part), response)
        problem = response.headers.get("content-type") == PROBLEM
        self.seen.add((described.name, response.status_code, response.json()["reason"] if problem else ""))
        if response.is_success:
            self._check_request(asked, described, request)

    def _check_answer(self, what: str, part: dict[str, Any], response: httpx2.Response) -> None:
        content = part.get("content", {})
        media = response.headers.get("content-type", "")
        if (media or response.content) and media not in content:
            raise Undescribed(f"{what}: the media type {media!r} is not described")
        if "schema" in content.get(media, {}):
            self._check_json(what, content[media]["schema"], response.json())
        for name, header in part.get("headers", {}).items():
            value = response.headers.get(name)
            if value is None and response.status_code in (429, 503):
                raise Undescribed(f"{what}: {name} is missing")
            constant = self.resolved(header)["schema"].get("const", value)
            if value != constant:
                raise Undescribed(f"{what}: {name} is {value!r}")

    def _check_request(self, what: str, described: Described, request: httpx2.Request) -> None:
        """What was taken must have been described: else a field or its values were forgotten."""
        body = described.operation.get("requestBody")
        if body is not None:
            sent = json.loads(request.content)
            self._check_json(f"the body of {what}", body["content"]["application/json"]["schema"], sent)
        known = {each["name"] for each in described.operation.get("parameters", []) if each.get("in") == "query"}
        if unknown := set(request.url.params) - known:
            raise Undescribed(f"{what}: parameters {sorted(unknown)}")

    def _check_json(self, what: str, schema: dict[str, Any], value: Any) -> None:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        for error in self._validators[key].iter_errors(value):
            where = "/".join(map(str, error.instance_path))
            raise Undescribed(f"{what}: {where}: {error.message[:300]}")


class DescribedBrowser(Browser):
    """A browser that takes no answer which the description does not have."""

    def __init__(self, *, origin: str, edge_ca_file: Path, agent: str, description: Description) -> None:
        super().__init__(origin=origin, edge_ca_file=edge_ca_file, agent=agent)
        self._description = description

    async def send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """As any browser. Raises Undescribed."""
        response = await super().send(method, path, body, headers=headers)
        self._description.check(response)
        return response
