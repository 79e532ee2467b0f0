"""Templates: one environment, escaping always on, and what every page is given."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from libs.ids import PLATFORM
from services.gateway.edge.assets import Assets
from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Visit
from services.gateway.pages.fields import FIELDS, errors_of
from services.gateway.pages.form import CSRF_FIELD
from services.gateway.pages.notice import said_of
from services.gateway.pages.refusal import refusal_of

_DIRECTORY = Path(__file__).parent / "templates"


class Pages:
    """Renders pages."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_DIRECTORY),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            fields=FIELDS, asset=Assets().url, platform_checkpoint=f"/audit/{PLATFORM}/checkpoint"
        )
        self._templates.filters.update(utc=_utc, isolated=_isolated)

    def page(
        self,
        visit: Visit,
        template: str,
        *,
        here: str = "",
        signed_in: bool | None = None,
        problem: Problem | None = None,
        form: dict[str, str] | None = None,
        named: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A page; with a `problem`, what is wrong stands beside the fields, and what was typed is kept.

        `named` are the names that a notice of this page may use, by identifier.
        """
        # What a script fetches nobody sees: the notice waits for a page (Fetch Metadata, section 2.1: Sec-Fetch-Dest).
        seen = visit.request.headers.get("sec-fetch-dest", "document") == "document"
        notice = said_of(visit.jar.take_notice() if seen else "", named or {})
        errors = errors_of(problem, form or {})
        text = self._templates.get_template(template).render(
            here=here,
            signed_in=visit.browser.holds_session if signed_in is None else signed_in,
            problem=_words(problem, errors),
            notice=None if problem else notice,
            form=_Typed(form or {}),
            errors=errors,
            csrf_field=lambda: Markup('<input type="hidden" name="{}" value="{}">').format(
                CSRF_FIELD, visit.csrf_token
            ),
            **values,
        )
        return HTMLResponse(text, problem.status if problem else 200, problem.headers() if problem else None)

    def problem(self, visit: Visit, problem: Problem) -> Response:
        """A page of its own for a request that has no form to go back to."""
        response = self.page(
            visit, "problem.html", refusal=refusal_of(visit, problem), retry_words=_retry_words(problem.retry_after)
        )
        response.status_code = problem.status
        response.headers.update(problem.headers())
        return response


class _Typed(dict[str, str]):
    """What was typed before; nothing for a field that was not."""

    def __missing__(self, name: str) -> str:
        return ""


def _words(problem: Problem | None, errors: Mapping[str, str]) -> dict[str, str] | None:
    if problem is None:
        return None
    # What a service says of a broken field is meant for programs; people get the field's name and its rule.
    told = [f"{FIELDS[name].label}: {text}" for name, text in errors.items() if name in FIELDS]
    return {"detail": " ".join(told) or problem.detail, "retry_words": _retry_words(problem.retry_after)}


def _retry_words(wait: timedelta | None) -> str:
    if wait is None:
        return ""
    seconds = max(1, -int(-wait.total_seconds() // 1))
    number, unit = (seconds, "second") if seconds < 120 else (-(-seconds // 60), "minute")
    return f"Try again in {number}\N{NO-BREAK SPACE}{unit}{'' if number == 1 else 's'}."


def _utc(text: str, *, seconds: bool = False) -> str:
    """A time of a contract (RFC 3339, UTC) for people: "3 Nov 2026, 09:05 UTC"."""
    moment = datetime.fromisoformat(text)
    return f"{moment.day} {moment:%b %Y, %H:%M:%S} UTC" if seconds else f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def _isolated(name: str) -> str:
    """A name among other words where no element can keep their directions apart (Unicode Annex 9, isolates)."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"
