"""A person at a real browser window, and everything that window complained about."""

import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect

from deploy.local.demo.mail import CODE, INVITATION

#: Tells the console of whatever the content security policy stopped, which it may otherwise keep to itself.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} stopped ${event.blockedURI}`);
});
"""
WAIT_SECONDS = 60


class Person:
    """One browser profile with one tab."""

    def __init__(self, chromium: Browser, *, origin: str, mail: str, screenshots: Path, name: str, run: str) -> None:
        self.name = name
        self.address = f"{name.lower()}.{run}@example.com"
        self.password = f"quiet-harbour-{run}-{name.lower()}"
        self.complaints: list[str] = []
        #: Statuses of pages that were meant to be refused: Chromium reports those as errors too.
        self.meant: set[int] = set()
        self._origin = origin
        self._mail = mail
        self._screenshots = screenshots
        # Links in mails lead to the HTTP address. Were a page to lead to the HTTPS one, its content security policy is
        # to be looked at too (`_answered`), though its authority was made on this machine a minute ago.
        self._context = chromium.new_context(
            base_url=origin, ignore_https_errors=True, viewport={"width": 1180, "height": 820}, locale="en-GB"
        )
        self._context.add_init_script(_TELL_VIOLATIONS)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("response", self._answered)

    def close(self) -> None:
        self._context.close()

    def see(self, name: str) -> None:
        """A picture of the whole page."""
        self.page.screenshot(path=self._screenshots / f"{name}.png", full_page=True)

    def sign_up(self) -> None:
        self.page.goto("/sign-up")
        self.page.get_by_label("Name", exact=True).fill(self.name)
        self.page.get_by_label("E-mail address").fill(self.address)
        self.page.get_by_label("Password").fill(self.password)
        self.page.get_by_role("button", name="Send me the code").click()
        expect(self.page.get_by_role("heading", name="Check your mail")).to_be_visible()

    def enter_code(self) -> None:
        """Read the code on the mail catcher's own page, in another tab, and type it in."""
        tab = self._context.new_page()
        tab.goto(f"{self._mail}/?to={self.address}")
        mail = tab.locator("article").filter(has=tab.get_by_role("heading", name="Your code to sign up"))
        while not mail.count():
            tab.wait_for_timeout(100)
            tab.reload()
        found = CODE.search(mail.first.inner_text())
        tab.close()
        assert found is not None, "the mail with the code has a code"
        self.page.get_by_label("Code").fill(found.group())
        self.page.get_by_role("button", name="Continue").click()

    def sign_in(self) -> None:
        self.page.goto("/sign-in")
        self.page.get_by_label("E-mail address").fill(self.address)
        self.page.get_by_label("Password").fill(self.password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name=re.compile("Choose a workspace|Your workspaces"))).to_be_visible()

    def come_in(self) -> None:
        """Somebody new, signed up and in."""
        self.sign_up()
        self.enter_code()
        expect(self.page.get_by_text("You belong to no workspace yet")).to_be_visible()

    def found(self, workspace: str) -> str:
        """Create a workspace; its page is open then. Returns its short name."""
        slug = f"workspace-{secrets.token_hex(4)}"
        self.page.goto("/workspaces")
        self.page.get_by_label("Name", exact=True).fill(workspace)
        self.page.get_by_label("Short name").fill(slug)
        self.page.get_by_role("button", name="Create").click()
        expect(self.page.get_by_role("heading", level=1, name=workspace)).to_be_visible()
        return slug

    def invite(self, address: str) -> None:
        """On the page of members."""
        self.page.get_by_label("E-mail address").fill(address)
        self.page.get_by_role("button", name="Send invitation").click()

    def join(self, owner: "Person") -> None:
        """By an invitation of the owner, who is on the page of members. This one is signed in."""
        owner.invite(self.address)
        expect(owner.page.get_by_role("status")).to_contain_text(self.address)
        self.page.goto(self.invitation_link())
        self.page.get_by_role("button", name="Accept").click()
        expect(self.page.get_by_role("status")).to_contain_text("You have joined")
        owner.page.goto(owner.page.url)

    def invitation_link(self) -> str:
        """The link in the newest invitation, as it stands in the mail."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for mail in httpx2.get(f"{self._mail}/messages", params={"to": self.address}, timeout=30).json():
                found = INVITATION.search(mail["text"])
                if found:
                    return found.group()
            time.sleep(0.1)
        raise AssertionError(f"no invitation came to {self.address}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        meant = re.search(r"responded with a status of (\d+)", message.text)
        if meant is None or int(meant.group(1)) not in self.meant:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _answered(self, response: Response) -> None:
        if not response.url.startswith((self._origin, "https://localhost")):
            return
        if "default-src 'none'" not in response.headers.get("content-security-policy", ""):
            self.complaints.append(f"{response.url} has no content security policy")


#: Makes somebody, or a second browser of somebody (`like`).
Meet = Callable[..., Person]
