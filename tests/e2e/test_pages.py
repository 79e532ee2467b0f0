"""The pages, in a real browser: from signing up to being signed out by another browser."""

import re
import secrets
import time

from playwright.sync_api import expect

from tests.e2e.person import Meet, Person


def test_people_come_in_work_and_are_signed_out_from_elsewhere(meet: Meet) -> None:
    ana = meet("Ana")
    ana.page.goto("/")
    expect(ana.page.get_by_role("heading", level=1)).to_be_visible()
    ana.see("01-home")
    ana.sign_up()
    ana.see("02-check-your-mail")
    ana.enter_code()
    expect(ana.page.get_by_text("You belong to no workspace yet")).to_be_visible()
    ana.see("03-no-workspace-yet")

    slug = f"atlas-{secrets.token_hex(4)}"
    ana.page.get_by_label("Name", exact=True).fill("Atlas")
    ana.page.get_by_label("Short name").fill(slug)
    ana.page.get_by_role("button", name="Create").click()
    expect(ana.page).to_have_url(f"{ana.page.url.split('/w/')[0]}/w/{slug}")
    expect(ana.page.get_by_role("heading", name="Atlas")).to_be_visible()

    ben = meet("Ben")
    ana.page.get_by_label("E-mail address").fill(ben.address)
    ana.page.get_by_label("Role", exact=True).select_option("member")
    ana.page.get_by_role("button", name="Send invitation").click()
    expect(ana.page.get_by_role("heading", name="Open invitations")).to_be_visible()
    expect(ana.page.get_by_role("cell", name=ben.address, exact=True)).to_be_visible()
    ana.see("04-members")

    accept_what_is_not_hers(ana, ben)
    accept(ben, "Atlas")
    ana.page.reload()
    expect(ana.page.get_by_text(ben.address)).to_be_visible()
    expect(ana.page.get_by_role("heading", name="Open invitations")).not_to_be_visible()
    ana.page.get_by_label("Role of Ben").select_option("manager")
    ana.page.get_by_role("row").filter(has_text=ben.address).get_by_role("button", name="Change").click()
    expect(ana.page.get_by_label("Role of Ben")).to_have_value("manager")
    ana.page.get_by_label("Workspace name").fill("Atlas Works")
    ana.page.get_by_role("button", name="Rename").click()
    expect(ana.page.get_by_role("heading", name="Atlas Works")).to_be_visible()
    ana.see("05-members-with-ben")

    read_the_log(ana)
    laptop = meet("Laptop", like=ana)
    laptop.sign_in()
    follow_a_link(laptop, f"/w/{slug}/audit")
    end_the_other_browser(ana, laptop)
    ana.page.get_by_role("button", name="Sign out").click()
    expect(ana.page.get_by_role("link", name="Sign in").first).to_be_visible()


def accept_what_is_not_hers(ana: Person, ben: Person) -> None:
    """Refused with one message, not with a second that says something else."""
    members = ana.page.url
    ana.meant = {403, 404}
    ana.page.goto(ben.invitation_link())
    ana.page.get_by_role("button", name="Accept").click()
    expect(ana.page.get_by_role("alert")).to_be_visible()
    expect(ana.page.locator(".notice:visible")).to_have_count(1)
    ana.see("05-not-hers")
    ana.meant = set()
    ana.page.goto(members)


def follow_a_link(laptop: Person, path: str) -> None:
    """A browser that is signed in, but has not opened the workspace, is one click away from the linked page."""
    laptop.page.goto(path)
    laptop.see("10-not-open-yet")
    laptop.page.get_by_role("button", name="Open Atlas Works").click()
    expect(laptop.page.get_by_role("heading", name="Signed checkpoint")).to_be_visible()
    assert laptop.page.url.endswith(path)


def accept(ben: Person, workspace: str) -> None:
    """From the link in the mail, through sign-up, to the workspace; the secret waits in the tab."""
    link = ben.invitation_link()
    ben.page.goto(link)
    expect(ben.page.get_by_role("heading", name=f"Join {workspace}")).to_be_visible()
    expect(ben.page.get_by_text("Ana invites you to this workspace, as member.")).to_be_visible()
    assert "#" not in ben.page.url
    ben.see("06-invited")
    ben.page.get_by_role("main").get_by_role("link", name="Create an account").click()
    ben.page.get_by_label("Name", exact=True).fill(ben.name)
    ben.page.get_by_label("E-mail address").fill(ben.address)
    ben.page.get_by_label("Password").fill(ben.password)
    ben.page.get_by_role("button", name="Send me the code").click()
    ben.enter_code()
    ben.page.get_by_role("link", name="Look at it").click()
    ben.see("07-accept")
    ben.page.get_by_role("button", name="Accept").click()
    expect(ben.page.get_by_role("status")).to_be_visible()
    ben.see("08-joined")
    ben.page.get_by_role("row").filter(has_text=workspace).get_by_role("button", name="Open").click()
    expect(ben.page.get_by_role("heading", name=workspace)).to_be_visible()


def test_an_invitation_waits_for_who_has_to_sign_in_again(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    ana.come_in()
    ana.found("Atlas")
    ben.come_in()
    ana.invite(ben.address)
    ben.page.goto(ben.invitation_link())
    accept = ben.page.get_by_role("button", name="Accept")
    expect(accept).to_be_visible()
    # The session ends while the page is open.
    ben.page.context.clear_cookies(name=re.compile("access|refresh"))
    accept.click()
    expect(ben.page.get_by_role("status")).to_have_text("Sign in first.")
    ben.sign_in()
    ben.page.get_by_role("link", name="Look at it").click()
    accept.click()
    expect(ben.page.get_by_role("status")).to_have_text("You have joined Atlas. Open it below.")
    expect(ben.page.get_by_text("You have an invitation")).not_to_be_visible()
    assert ben.page.evaluate("sessionStorage.length") == 0
    assert "#" not in ben.page.url


def read_the_log(ana: Person) -> None:
    """Every act is there within seconds, with who, what, from where."""
    ana.page.get_by_role("link", name="Audit log").click()
    wanted = ("user.role_changed", "settings.changed", "invitation.accepted", "user.invited", "workspace.created")
    deadline = time.monotonic() + 60
    while not all(ana.page.get_by_role("cell", name=action, exact=True).count() for action in wanted):
        assert time.monotonic() < deadline, ana.page.get_by_role("table").inner_text()
        time.sleep(0.3)
        ana.page.reload()
    expect(ana.page.get_by_text("127.0.0.1").first).to_be_visible()
    ana.see("09-audit-log")
    ana.page.get_by_label("Action", exact=True).fill("user.invited")
    ana.page.get_by_role("button", name="Filter").click()
    expect(ana.page.get_by_role("cell", name="user.invited", exact=True)).to_be_visible()
    assert ana.page.get_by_role("cell", name="settings.changed", exact=True).count() == 0
    with ana.page.expect_download() as download:
        ana.page.get_by_role("button", name="Export with proofs").click()
    assert re.fullmatch(r"atlas-[0-9a-f]{8}-audit-log-\d{8}T\d{6}Z\.jsonl", download.value.suggested_filename)
    assert download.value.path().read_bytes().count(b"\n") > len(("header", "trailer"))
    copy_the_checkpoint(ana)


def copy_the_checkpoint(ana: Person) -> None:
    ana.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ana.page.get_by_role("button", name="Copy: Signed checkpoint").click()
    expect(ana.page.get_by_text("Copied.")).to_be_visible()
    shown = ana.page.get_by_role("group", name="Signed checkpoint").evaluate("element => element.textContent")
    assert ana.page.evaluate("navigator.clipboard.readText()") == shown


def end_the_other_browser(ana: Person, laptop: Person) -> None:
    """Ended on the sessions page, the other browser is signed out within a second."""
    ana.page.goto("/sessions")
    expect(ana.page.get_by_text("this browser")).to_be_visible()
    ana.see("10-sessions")
    ana.page.get_by_role("button", name="End the session").first.click()
    expect(ana.page.get_by_role("button", name="End the session")).to_have_count(0)
    ended = time.monotonic()
    asked = ended
    while not laptop.page.url.endswith("/sign-in"):
        assert asked - ended < 1, "the other browser is still signed in after a second"
        asked = time.monotonic()  # how long the answer takes is the machine's affair
        laptop.page.goto("/workspaces")
    laptop.see("11-signed-out")


def test_refusals_are_told_beside_the_form_and_keep_what_was_typed(meet: Meet) -> None:
    ana = meet("Ana")
    ana.meant = {400, 401, 429}
    ana.page.goto("/sign-in")
    ana.page.get_by_label("E-mail address").fill("nobody@example.com")
    ana.page.get_by_label("Password").fill("not the password")
    ana.page.get_by_role("button", name="Sign in").click()
    expect(ana.page.get_by_role("alert")).to_be_visible()
    expect(ana.page.get_by_label("E-mail address")).to_have_value("nobody@example.com")
    expect(ana.page.get_by_label("Password")).to_have_value("")
    ana.see("12-refused")


def test_a_page_that_is_not_there_and_one_for_the_signed_in(meet: Meet) -> None:
    ana = meet("Ana")
    ana.meant = {404}
    ana.page.goto("/workspaces")
    expect(ana.page).to_have_url(f"{ana.page.url.rsplit('/', 1)[0]}/sign-in")
    ana.page.goto("/nowhere")
    expect(ana.page.get_by_role("heading")).to_be_visible()
    ana.see("13-nowhere")


def test_it_reads_well_in_the_dark_and_on_a_phone(meet: Meet) -> None:
    ana = meet("Ana")
    ana.page.emulate_media(color_scheme="dark")
    ana.page.set_viewport_size({"width": 390, "height": 800})
    for number, path in enumerate(("/", "/sign-up", "/sign-in")):
        ana.page.goto(path)
        overflow = ana.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not overflow, f"{path} is wider than a phone"
        ana.see(f"14-{number}-phone-in-the-dark")
