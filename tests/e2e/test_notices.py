"""What pages say after something was done, or was not: once, in the words of the page, and read out."""

import json
import secrets
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import expect

from tests.e2e.person import Meet, Person

#: Keeps every text that a screen reader would read out: what comes into a live region after the page was read.
_LISTEN = """
window.heard = [];
document.addEventListener("DOMContentLoaded", () => {
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const added of change.addedNodes)
        if (change.target.closest("[role=status], [role=alert]")) window.heard.push(added.textContent);
  }).observe(document.body, { childList: true, subtree: true });
});
"""


def notice(person: Person, text: str) -> None:
    """This alone is said, and is read out; the address of the page says nothing of it."""
    expect(person.page.get_by_role("status")).to_have_text(text)
    person.page.wait_for_function("() => window.heard.length > 0")
    assert "".join(person.page.evaluate("window.heard")) == text
    assert not urlsplit(person.page.url).query


def cookie(person: Person) -> str:
    return json.dumps([each for each in person.page.context.cookies() if "notice" in each["name"]])


def test_what_was_done_is_said_once_and_what_is_known_already_is_not_done_again(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    ana.page.add_init_script(_LISTEN)
    ana.come_in()
    slug = ana.found("Atlas")
    notice(ana, "The workspace is created. You are its owner.")
    ana.page.reload()
    expect(ana.page.get_by_role("status")).to_have_count(0)

    with ana.page.expect_response(lambda response: response.status == 303) as answer:
        ana.invite(ben.address)
    notice(ana, f"Invitation sent to {ben.address}.")
    answered = json.dumps(answer.value.all_headers())
    assert "__Host-notice=invited." in answered
    assert ben.address.split("@")[0] not in answered, "an address stands in a cookie or in a URL"
    assert cookie(ana) == "[]", "the notice waits to be said again"

    invited_twice(ana, ben)
    ben.come_in()
    ben.page.goto(ben.invitation_link())
    ben.page.get_by_role("button", name="Accept").click()
    expect(ben.page.get_by_role("status")).to_have_text("You have joined Atlas. Open it below.")
    ana.meant = {409}
    ana.page.reload()
    ana.invite(ben.address.upper())
    expect(ana.page.get_by_role("alert")).to_contain_text("Somebody with this address is a member already.")
    expect(ana.page.get_by_label("E-mail address")).to_have_value(ben.address.upper())
    ana.meant = set()
    the_rest(ana, ben, slug)


def invited_twice(ana: Person, ben: Person) -> None:
    """Refused beside the field, with what was typed; the same invitation is sent again on purpose alone."""
    ana.meant = {409}
    ana.page.get_by_label("Role", exact=True).select_option("manager")
    ana.invite(f" {ben.address}")
    expect(ana.page.get_by_role("alert")).to_contain_text("There is an open invitation to this address.")
    field = ana.page.get_by_label("E-mail address")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(ana.page.get_by_label("Role", exact=True)).to_have_value("manager")
    ana.see("20-invited-already")
    ana.meant = set()
    before = ben.invitation_link()
    ana.page.get_by_role("button", name=f"Send again to {ben.address}").click()
    notice(ana, f"Invitation sent to {ben.address} again. The earlier one no longer works.")
    expect(ana.page.get_by_role("table", name="Open invitations").locator("tbody tr")).to_have_count(1)
    while ben.invitation_link() == before:
        ana.page.wait_for_timeout(100)
    before = ben.invitation_link()
    declined(ana, ben)
    while ben.invitation_link() == before:
        ana.page.wait_for_timeout(100)


def declined(ana: Person, ben: Person) -> None:
    """By somebody who has no account, from the mail; a page without the secret tells nothing."""
    link = ben.invitation_link()
    ben.page.goto(link.partition("#")[0])
    expect(ben.page.get_by_role("alert")).to_contain_text("This page was opened without its secret.")
    expect(ben.page.get_by_text("Atlas")).to_have_count(0)
    ben.page.goto(link)
    ben.page.get_by_text("Decline…").click()
    ben.see("22-decline")
    ben.page.get_by_role("button", name="Decline", exact=True).click()
    expect(ben.page.get_by_role("status")).to_have_text("You have declined the invitation. Its link no longer works.")
    ben.meant = {404}
    ben.page.goto("/")
    ben.page.goto(link)
    expect(ben.page.get_by_role("alert")).to_contain_text("This invitation does not work")
    ben.meant = set()
    ana.page.reload()
    expect(ana.page.get_by_role("heading", name="Open invitations")).to_have_count(0)
    ana.invite(ben.address)


def the_rest(ana: Person, ben: Person, slug: str) -> None:
    ana.page.goto(f"/w/{slug}")
    ana.page.get_by_label("Role of Ben").select_option("manager")
    ana.page.get_by_role("button", name="Change the role of Ben").click()
    notice(ana, "The role of Ben is changed.")
    ana.invite(f"nobody.{secrets.token_hex(4)}@example.com")
    ana.page.get_by_role("button", name="Revoke").click()
    notice(ana, "The invitation is revoked: its link no longer works.")
    ana.page.get_by_label("Workspace name").fill("مساحة العمل")
    ana.page.get_by_role("button", name="Rename").click()
    notice(ana, "The workspace has its new name.")
    # A second thought first: the button that removes stands behind the one that asks.
    remove = ana.page.get_by_role("button", name="Remove", exact=True)
    expect(remove).not_to_be_visible()
    ana.page.get_by_text("Remove… Ben").click()
    remove.click()
    notice(ana, "The member is removed, and can no longer open the workspace.")
    expect(ana.page.get_by_role("cell", name="Ben", exact=True)).to_have_count(0)
    ana.page.goto("/account")
    ana.page.get_by_label("Present password").fill(ana.password)
    ana.page.get_by_label("New password").fill(ana.password + "-2")
    ana.page.get_by_role("button", name="Change password").click()
    notice(ana, "Your password is changed, and every other session has ended.")
    ana.page.goto(f"/w/{slug}?page=")
    ana.page.get_by_role("button", name="Sign out").click()
    notice(ana, "You are signed out.")
    ana.page.goto("/account")
    notice(ana, "Sign in first.")
    # What a script of another tab fetches is seen by nobody.
    ana.page.request.get(urljoin(ana.page.url, "/account"), max_redirects=0)
    assert "sign-in-first" in cookie(ana)
    assert "Sign in first." not in ana.page.evaluate("fetch('/sign-in').then((answer) => answer.text())")
    ana.page.reload()
    notice(ana, "Sign in first.")


def test_a_link_of_others_puts_no_text_on_a_page(meet: Meet) -> None:
    ana = meet("Ana")
    for path in ("/?done=Paid", "/?notice=signed-out", "/sign-in?joined=x&message=Paid", "/sign-up?problem=Paid"):
        ana.page.goto(path)
        expect(ana.page.get_by_role("heading", level=1)).to_be_visible()
        expect(ana.page.get_by_text("Paid")).to_have_count(0)
        expect(ana.page.get_by_role("status")).to_have_count(0)


def test_the_rule_of_a_field_stands_beside_it_and_nothing_typed_is_lost(meet: Meet) -> None:
    ana = meet("Ana")
    ana.sign_up()
    ana.meant = {400, 401, 409}
    code = ana.page.get_by_label("Code")
    expect(code).to_have_accessible_description("Eight digits, as they stand in the mail.")
    send_unchecked(ana, "Code", "1234-56")
    expect(code).to_have_accessible_description("Eight digits, as they stand in the mail.")
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(code).to_have_value("1234-56")
    send_unchecked(ana, "Code", "0000 0000")
    expect(ana.page.get_by_role("alert")).to_contain_text("The code is wrong, spent or expired")
    expect(code).to_have_value("0000 0000")
    expect(code).to_be_focused()
    ana.page.wait_for_timeout(1_500)  # after a wrong one the next is due a second later
    ana.enter_code()
    expect(ana.page.get_by_text("You belong to no workspace yet")).to_be_visible()

    name, slug = "Köln & Ümit's \N{ARABIC LETTER MEEM}" + "x" * 185, ana.page.get_by_label("Short name")
    ana.page.get_by_label("Name", exact=True).fill(name)
    slug.fill("Not A Slug")
    ana.page.get_by_role("button", name="Create").click()
    assert slug.evaluate("field => field.validity.patternMismatch && field.title.startsWith('3 to 40 small letters')")
    send_unchecked(ana, "Short name", "Not A Slug")
    expect(slug).to_have_accessible_description(
        "3 to 40 small letters from a to z, digits or hyphens; no hyphen at either end. It stands in addresses."
    )
    expect(slug).to_have_value("Not A Slug")
    expect(ana.page.get_by_label("Name", exact=True)).to_have_value(name)
    expect(ana.page.get_by_label("Name", exact=True)).to_have_accessible_description("1 to 100 characters.")
    expect(ana.page.get_by_role("alert")).not_to_contain_text("regex")
    ana.see("21-rules")
    ana.page.get_by_label("Name", exact=True).fill("Atlas")
    ana.page.goto("/workspaces")
    taken = ana.found("Atlas")
    ana.page.goto("/workspaces")
    ana.page.get_by_label("Name", exact=True).fill("Atlas again")
    slug.fill(taken)
    ana.page.get_by_role("button", name="Create").click()
    expect(slug).to_have_accessible_description("This short name is taken.")
    expect(ana.page.get_by_label("Name", exact=True)).to_have_value("Atlas again")


def send_unchecked(person: Person, label: str, value: str) -> None:
    """Fill the field and send its form past the browser's own checks."""
    field = person.page.get_by_label(label)
    field.fill(value)
    with person.page.expect_navigation():
        field.evaluate("field => { field.form.noValidate = true; field.form.requestSubmit(); }")
