"""One's own data, in a real browser: a copy of everything, and the end of it."""

import io
import re
import secrets
import time
import zipfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.person import Person
from tests.support.stack import LocalStack
from wardenry.archive import MANIFEST

WAIT_SECONDS = 60.0


def test_a_person_fetches_everything_and_then_is_nobody(
    chromium: Browser, stack: LocalStack, screenshots: Path
) -> None:
    urls = stack.state["urls"]
    eva = Person(
        chromium,
        origin=urls["http"],
        mail=urls["mail"],
        screenshots=screenshots,
        name="Eva",
        run=secrets.token_hex(4),
    )
    page = eva.page
    eva.sign_up()
    eva.enter_code()
    expect(page.get_by_text("You belong to no workspace yet")).to_be_visible()
    slug = f"atlas-{secrets.token_hex(4)}"
    page.get_by_label("Name", exact=True).fill("Atlas")
    page.get_by_label("Short name").fill(slug)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Atlas")).to_be_visible()
    page.goto("/account")
    page.get_by_role("link", name="Have a copy of everything").click()

    # Somebody at the open browser does not know the password.
    eva.meant.add(401)
    ask(page, "not-hers-at-all", "Get a copy of everything")
    expect(page.get_by_text("This password is wrong.", exact=True)).to_be_visible()
    # After a wrong one the next is due a second later.
    page.wait_for_timeout(1_500)
    ask(page, eva.password, "Get a copy of everything")
    expect(page.get_by_role("status")).to_have_text(re.compile("^Your copy is (being put together|ready)"))
    # It comes onto the page by itself, which leaves alone what is being typed there.
    page.get_by_label("Your password").last.fill("half a password")
    download = page.get_by_role("button", name="Download")
    expect(download).to_be_visible(timeout=WAIT_SECONDS * 1000)
    # One state at a time is shown, whichever the page said before.
    expect(page.get_by_role("status")).to_have_text(re.compile("^Your copy is ready"))
    expect(page.get_by_label("Your password").last).to_have_value("half a password")
    eva.see("data")
    ask(page, "not-hers-at-all", "Download")
    expect(page.get_by_role("alert")).to_have_count(1)
    page.wait_for_timeout(1_500)
    with page.expect_download() as caught:
        ask(page, eva.password, "Download")
    assert caught.value.suggested_filename == "your-data.zip"
    # The page stays, and says what happened instead of offering what is gone.
    expect(download).not_to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^Your copy was downloaded \d.*:\d\d \S+\. Each"))
    assert "ready" not in page.locator("main").inner_text()
    eva.see("data-downloaded")
    with zipfile.ZipFile(io.BytesIO(Path(caught.value.path()).read_bytes())) as archive:
        assert {MANIFEST, "index.html", "data/identity/account.json"} <= set(archive.namelist())
        assert eva.address in archive.read("data/identity/account.json").decode()
        (screenshots / "archive.html").write_bytes(archive.read("index.html"))
    # Confirming the password cost nothing: what was open is open, this browser alone is signed in, its forms work.
    tab = page.context.new_page()
    tab.goto(f"/w/{slug}")
    expect(tab.get_by_role("heading", name="Atlas")).to_be_visible()
    tab.goto("/sessions")
    expect(tab.get_by_text("this browser")).to_be_visible()
    expect(tab.get_by_role("table").locator("tbody tr")).to_have_count(1)
    tab.close()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    eva.sign_in()
    page.goto("/account/data")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^Your copy was downloaded"))
    assert not download.is_visible()

    ask(page, eva.password, "Erase me, for good")
    expect(page.get_by_text("You are being erased")).to_have_count(0)
    page.get_by_label("I understand that this cannot be undone").check()
    ask(page, eva.password, "Erase me, for good")
    # What runs is all that is offered, and the page leads by itself to the last one, which needs no session.
    last = page.get_by_role("heading", name="You asked to be erased")
    expect(page.get_by_text("You are being erased").or_(last)).to_be_visible()
    expect(page.get_by_role("button", name="Get a copy of everything")).to_have_count(0)
    expect(page.get_by_role("button", name="Erase me")).to_have_count(0)
    eva.see("erasing")
    expect(page).to_have_url(re.compile("/erased$"), timeout=WAIT_SECONDS * 1000)
    expect(last).to_be_visible()
    expect(page.get_by_text("There is nothing left to sign in to")).to_be_visible()
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    eva.see("erased")
    eva.meant.add(429)
    deadline = time.monotonic() + WAIT_SECONDS
    while not refused_for_the_credentials(eva):  # by session, until identity has forgotten her too
        assert time.monotonic() < deadline, page.get_by_role("alert").first.inner_text()
        page.wait_for_timeout(2_000)  # tries that come too often are turned away at the edge, and say nothing of her
    assert not eva.complaints
    eva.close()


def refused_for_the_credentials(person: Person) -> bool:
    page = person.page
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(person.address)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    # What it says is taken away and put back once, to be read out.
    expect(page.get_by_role("alert").first).to_have_text(re.compile(r"\S"))
    page.wait_for_function(
        "(alert => alert.style.minHeight && alert.textContent)(document.querySelector('[role=alert]'))"
    )
    return page.get_by_text("Address or password is wrong", exact=False).first.is_visible()


def ask(page: Page, password: str, what: str) -> None:
    form = page.locator("form").filter(has=page.get_by_role("button", name=what))
    form.get_by_label("Your password").fill(password)
    form.get_by_role("button", name=what).click()
