"""The HTTP side of the mail catcher: a page for people, `/messages` as JSON for programs. For this machine alone."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deploy.local.mail.mailbox import Mail, Mailbox

LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def application(mailbox: Mailbox) -> Starlette:
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = templates.get_template("mailbox.html")

    def show(request: Request) -> Response:
        to = request.query_params.get("to") or None
        mails = [(mail, linked(mail.text)) for mail in mailbox.mails(to=to)]
        return HTMLResponse(page.render(mails=mails, to=to), headers=HEADERS)

    def messages(request: Request) -> Response:
        to = request.query_params.get("to") or None
        return JSONResponse([rendered(mail) for mail in mailbox.mails(to=to)], headers=HEADERS)

    def healthz(_request: Request) -> Response:
        return Response("ok\n")

    return Starlette(
        routes=[Route("/", show), Route("/messages", messages), Route("/healthz", healthz)],
        # A page of another site that points its name here must not read the mails.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1"])],
    )


def rendered(mail: Mail) -> dict[str, object]:
    return {
        "number": mail.number,
        "received_at": mail.received_at.isoformat(),
        "from": mail.sender,
        "to": list(mail.to),
        "subject": mail.subject,
        "text": mail.text,
    }


def linked(text: str) -> Markup:
    """The text with its web addresses as links, and nothing else of it as markup."""
    parts: list[Markup] = []
    end = 0
    for match in LINK.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(Markup('<a href="{0}">{0}</a>').format(match.group()))
        end = match.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)
