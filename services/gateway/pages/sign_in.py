"""Pages to create an account and to sign in and out."""

import re

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.edge.problem import Problem
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from services.gateway.edge.workspaces import WorkspaceName, WorkspaceNames
from services.gateway.pages.form import identifier_of, take
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, done, see
from wardenry.errors.error import AlreadyExists
from wardenry.identity.v1.registration_pb2 import RegisterRequest

_BETWEEN_DIGITS = re.compile(r"[\s-]")


class SignInPages:
    """Landing page, sign-up, sign-in, sign-out."""

    def __init__(
        self, *, edge: Edge, pages: Pages, routes: PageRoutes, sign_in: SignIn, names: WorkspaceNames, mailbox_url: str
    ) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes
        self._sign_in = sign_in
        self._names = names
        self._mailbox_url = mailbox_url

    def routes(self) -> list[Route]:
        show, submit = self._routes.show, self._routes.submit
        return [
            show("/", self.home),
            show("/sign-up", self.sign_up),
            submit("/sign-up", self.register, again=self.sign_up_again, authentication=True),
            show("/sign-up/{registration_id}", self.code),
            submit("/sign-up/{registration_id}", self.verify, again=self.code_again, authentication=True),
            show("/sign-in", self.sign_in),
            submit("/sign-in", self.enter, again=self.sign_in_again, authentication=True),
            show("/w/{slug}/sign-in", self.sign_in),
            submit("/w/{slug}/sign-in", self.enter, again=self.sign_in_again, authentication=True),
            submit("/sign-out", self.leave),
        ]

    async def home(self, visit: Visit) -> Response:
        if visit.browser.holds_session:
            return see("/workspaces")
        return self._pages.page(visit, "home.html")

    async def sign_up(self, visit: Visit) -> Response:
        return self._sign_up_page(visit)

    async def sign_up_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return self._sign_up_page(visit, fields, problem)

    def _sign_up_page(
        self, visit: Visit, form: dict[str, str] | None = None, problem: Problem | None = None
    ) -> Response:
        registration_id = identifier_of(self._edge.ids, "registration_id", form=form, problem=problem)
        return self._pages.page(
            visit, "sign_up.html", here="sign-up", form=form, problem=problem, registration_id=registration_id
        )

    async def register(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "display_name", "address", "password", "registration_id")
        try:
            await self._edge.backends.registration.Register(
                RegisterRequest(browser_binding=visit.jar.flow_binding, **form),
                metadata=visit.browser.metadata,
            )
        except AlreadyExists:
            raise Problem(
                409,
                "ALREADY_EXISTS",
                "Nothing was mailed: this form was sent before. Type your password again, and send it once more.",
            ) from None
        return see(f"/sign-up/{form['registration_id']}")

    async def code(self, visit: Visit) -> Response:
        return self._code_page(visit)

    async def code_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return self._code_page(visit, fields, problem)

    def _code_page(self, visit: Visit, form: dict[str, str] | None = None, problem: Problem | None = None) -> Response:
        return self._pages.page(
            visit,
            "verify.html",
            here="sign-up",
            form=form,
            problem=problem,
            registration_id=visit.identifier("registration_id"),
            mailbox_url=self._mailbox_url,
        )

    async def verify(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "code")
        # People copy codes with the spaces around them, or read them in groups.
        code = _BETWEEN_DIGITS.sub("", form["code"])
        await self._sign_in.by_registration(
            visit.browser, registration_id=visit.identifier("registration_id"), code=code
        )
        return see("/workspaces")

    async def sign_in(self, visit: Visit) -> Response:
        return self._pages.page(visit, "sign_in.html", here="sign-in", workspace=await self._workspace(visit))

    async def sign_in_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return self._pages.page(
            visit,
            "sign_in.html",
            here="sign-in",
            form=fields,
            problem=problem,
            workspace=await self._workspace(visit),
        )

    async def enter(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "address", "password")
        workspace = await self._workspace(visit)
        await self._sign_in.by_password(
            visit.browser,
            address=form["address"],
            password=form["password"],
            workspace_id=workspace.workspace_id if workspace else None,
        )
        return see(f"/w/{workspace.slug}" if workspace else "/workspaces")

    async def leave(self, visit: Visit, fields: dict[str, str]) -> Response:
        take(fields)
        await self._sign_in.out(visit.browser)
        return done(visit, "/", Notice.SIGNED_OUT)

    async def _workspace(self, visit: Visit) -> WorkspaceName | None:
        slug = visit.request.path_params.get("slug")
        return await self._names.resolve(visit.browser, slug) if slug else None
