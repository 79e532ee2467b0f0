"""The page of a refusal: what happened, in words for people, and where to go from there."""

from dataclasses import dataclass

from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Visit
from services.gateway.edge.workspaces import is_short_name

_AWAY = "Something that is needed here does not answer. You stay signed in, and nothing of yours is lost."
#: A form was sent, and no answer came in time.
_UNKNOWN = "Whether it was done is not known: look before you do it again."
#: A heading for each status, and what is said instead of the problem's own text where that is meant for programs.
_WORDS: dict[int, tuple[str, str]] = {
    400: ("That was not understood", ""),
    403: ("Not allowed", ""),
    404: ("There is nothing here", "There is no such page, or it is not yours to see."),
    405: ("That was not understood", "This address is not made to be used like that."),
    408: ("That took too long", ""),
    409: ("That cannot be done now", ""),
    413: ("That was too much", ""),
    415: ("That was not understood", ""),
    429: ("Too many requests", "So many came from your network, or in your session, that this one was turned away."),
    503: ("Not available just now", _AWAY),
    504: ("Not available just now", _AWAY),
}
_DEFECT = ("Something went wrong", "The mistake is on our side, and it is written down. It may help to try again.")
#: What is said of fields and parameters whose names mean nothing to people: no form of ours sends them.
_NOT_AS_IT_MUST_BE = "The address or the form that led here holds something that is not understood."
#: Statuses of which another try may come off.
_PASSING = frozenset({408, 409, 429, 500, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What its page shows."""

    status: int
    heading: str
    text: str
    #: Where the same is tried again; empty where that is no use or would send a form twice.
    again: str
    #: Where to go instead, and what it is called.
    way_on: str
    way_on_name: str


def refusal_of(visit: Visit, problem: Problem) -> Refusal:
    """What to say of `problem`, which ended `visit`."""
    heading, text = _WORDS.get(problem.status, _DEFECT)
    if problem.violations:
        text = _NOT_AS_IT_MUST_BE
    elif problem.status == 504 and visit.request.method == "POST":
        text = _UNKNOWN
    url = visit.request.url
    again = ""
    if visit.request.method == "GET" and problem.status in _PASSING:
        # From the request line, so it may begin with two slashes, which would be another host.
        again = "/" + url.path.lstrip("/") + (f"?{url.query}" if url.query else "")
    way_on, name = _way_on(visit, problem.status)
    return Refusal(
        status=problem.status,
        heading=heading,
        text=text or problem.detail,
        again=again,
        way_on=way_on,
        way_on_name=name,
    )


def _way_on(visit: Visit, status: int) -> tuple[str, str]:
    slug = visit.request.path_params.get("slug", "")
    # Of a page that the role does not show, too: the page of members is every member's.
    if is_short_name(slug) and (status == 403 or (visit.request.method == "POST" and status != 404)):
        return f"/w/{slug}", "Back to the workspace"
    if visit.browser.holds_session:
        return "/workspaces", "To your workspaces"
    return "/", "To the start"
