"""Templates: one environment, escaping always on, and what every page is given."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Visit
from services.gateway.pages.form import CSRF_FIELD

_DIRECTORY = Path(__file__).parent / "templates"


class Pages:
    """Renders pages."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_DIRECTORY),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(
        self,
        visit: Visit,
        template: str,
        *,
        here: str = "",
        signed_in: bool | None = None,
        problem: Problem | None = None,
        done: str = "",
        form: dict[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A page; with a `problem`, what is wrong stands beside the fields, and what was typed is kept."""
        text = self._templates.get_template(template).render(
            here=here,
            signed_in=visit.browser.holds_session if signed_in is None else signed_in,
            problem=_words(problem),
            done=done,
            form=_Typed(form or {}),
            errors={violation.field: violation.description for violation in problem.violations} if problem else {},
            csrf_field=lambda: Markup('<input type="hidden" name="{}" value="{}">').format(
                CSRF_FIELD, visit.csrf_token
            ),
            **values,
        )
        return HTMLResponse(text, problem.status if problem else 200, problem.headers() if problem else None)

    def problem(self, visit: Visit, problem: Problem) -> Response:
        """A page of its own for a request that has no form to go back to."""
        response = self.page(
            visit,
            "problem.html",
            status=problem.status,
            title=HTTPStatus(problem.status).phrase,
            text=problem.detail,
        )
        response.status_code = problem.status
        response.headers.update(problem.headers())
        return response


class _Typed(dict[str, str]):
    """What was typed before; nothing for a field that was not."""

    def __missing__(self, name: str) -> str:
        return ""


def _words(problem: Problem | None) -> dict[str, str] | None:
    if problem is None:
        return None
    wait = ""
    if problem.retry_after is not None:
        seconds = max(1, -int(-problem.retry_after.total_seconds() // 1))
        number, unit = (seconds, "second") if seconds < 120 else (-(-seconds // 60), "minute")
        wait = f"Try again in {number}\N{NO-BREAK SPACE}{unit}{'' if number == 1 else 's'}."
    return {"detail": problem.detail, "retry_words": wait}
