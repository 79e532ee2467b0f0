"""Whoever looks, with whatever: a phone, a keyboard, a screen reader, the dark, another time zone."""

import re
from typing import Literal

from playwright.sync_api import Locator, ViewportSize, expect

from tests.e2e.person import Meet, Person

WIDE, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=375, height=740)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: What is wrong with a page for who cannot see it, or not well. WCAG 2.2: 1.3.1, 1.4.3, 1.4.11, 2.4.6, 2.5.8, 4.1.2.
_FAULTS = """
() => {
  const faults = [];
  const seen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(seen).map((each) => +each.tagName[1]);
  if (levels.filter((level) => level === 1).length !== 1) faults.push(`${levels} has not one first heading`);
  if (levels.some((level, at) => at && level > levels[at - 1] + 1)) faults.push(`${levels} leaves out a heading`);
  for (const field of document.querySelectorAll("input:not([type=hidden]), select"))
    if (!field.labels.length && !field.ariaLabel) faults.push(`${field.name} has no label`);
  for (const id of [...document.querySelectorAll("[id]")].map((each) => each.id))
    if (document.querySelectorAll(`#${CSS.escape(id)}`).length > 1) faults.push(`${id} stands twice`);
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const [r, g, b, a = 1] = colour(getComputedStyle(element).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !seen(element) || element.closest(".unseen, .skip")) continue;
    const ratio = contrast(colour(getComputedStyle(element).color), behind(element));
    if (ratio < 4.5) faults.push(`${element.textContent.trim().slice(0, 30)} has a contrast of ${ratio.toFixed(2)}`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden], [type=checkbox]), select")) {
    const ratio = contrast(colour(getComputedStyle(field).borderTopColor), behind(field.parentElement));
    if (ratio < 3) faults.push(`the edge of ${field.name} has a contrast of ${ratio.toFixed(2)}`);
  }
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) faults.push("it is wider than the window");
  for (const one of document.querySelectorAll("a, button, summary, select, input:not([type=hidden])")) {
    if (!seen(one) || one.matches(".skip")) continue;
    const box = one.getBoundingClientRect();
    if (box.left < 0 || box.right > width + 0.5) faults.push(`${one.textContent || one.name} is out of reach`);
    if (!one.matches("a, [type=checkbox]") && Math.min(box.height, box.width) < 24) faults.push(`${one.name} is small`);
  }
  return faults;
}
"""


def look(person: Person, path: str, name: str) -> None:
    """In a wide window and on a phone, by day and by night."""
    for size in (WIDE, PHONE):
        for scheme in SCHEMES:
            person.page.set_viewport_size(size)
            person.page.emulate_media(color_scheme=scheme)
            person.page.goto(path)
            expect(person.page.get_by_role("heading", level=1)).to_be_visible()
            person.see(f"30-{name}-{size['width']}-{scheme}")
            assert person.page.evaluate(_FAULTS) == [], f"{path} at {size['width']} in the {scheme}"


def test_strangers_read_well(meet: Meet) -> None:
    ana = meet("Ana")
    ana.meant = {404}
    for name in ("", "sign-up", "sign-in", "nowhere", "invitations/0192f0c0-0000-7000-8000-000000000002"):
        look(ana, f"/{name}", name.partition("/")[0] or "home")


def test_long_names_from_either_side_and_many_rows_leave_every_button_in_reach(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    ana.name, ben.name = "W" * 128, "محمد عبد الله الرحمن"
    ana.come_in()
    slug = ana.found("Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger" + "x" * 33)
    ben.come_in()
    ben.join(ana)
    invite_many(ana, slug, 51)
    for name in ("", "/audit"):
        look(ana, f"/w/{slug}{name}", f"workspace{name.replace('/', '-')}")
    for name in ("workspaces", "sessions", "account", "account/data"):
        look(ana, f"/{name}", name.replace("/", "-"))

    ana.page.goto(f"/w/{slug}")
    invitations = ana.page.get_by_role("table", name="Open invitations").locator("tbody tr")
    expect(invitations).to_have_count(50)
    ana.page.get_by_role("link", name="More invitations").click()
    expect(invitations).to_have_count(1)
    ana.page.get_by_role("link", name="Back to the first page").click()
    expect(invitations).to_have_count(50)
    # The card of a phone is still a table to who cannot see it.
    row = ana.page.get_by_role("row").filter(has_text=ben.name)
    expect(row.get_by_role("cell")).to_have_count(5)
    expect(ana.page.get_by_role("columnheader", name="Address").first).to_be_attached()
    for button in (row.get_by_role("button", name="Change"), row.locator("summary")):
        assert inside(button, PHONE["width"])
    row.locator("summary").click()
    assert inside(row.get_by_role("button", name="Remove", exact=True), PHONE["width"])


def inside(element: Locator, width: int) -> bool:
    box = element.bounding_box()
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width


def invite_many(person: Person, slug: str, number: int) -> None:
    """As the form does, without looking at each answer."""
    person.page.evaluate(
        """async ([path, number]) => {
          const token = document.querySelector("[name=csrf_token]").value;
          for (let at = 0; at < number; at++) {
            const invitation_id = `0192f0c0-0000-7000-8000-${String(at).padStart(12, "0")}`;
            const address = `guest${at}@example.com`;
            const body = new URLSearchParams({ csrf_token: token, invitation_id, address, role: "member" });
            await fetch(path, { method: "POST", body, redirect: "manual" });
          }
        }""",
        [f"/w/{slug}/invitations", number],
    )


def test_times_name_their_zone(meet: Meet) -> None:
    ana = meet("Ana")
    ana.come_in()
    slug = ana.found("Atlas")
    state = ana.page.context.storage_state()
    browser = ana.page.context.browser
    assert browser is not None
    for zone, script, expected in (
        ("Asia/Kolkata", True, r"^\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d GMT\+5:30$"),
        ("UTC", True, r"^\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d UTC$"),
        ("Asia/Kolkata", False, r"^\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d UTC$"),
    ):
        window = browser.new_context(
            base_url=ana.page.url.partition("/w/")[0],
            timezone_id=zone,
            locale="fa-IR",
            storage_state=state,
            java_script_enabled=script,
        )
        page = window.new_page()
        page.goto(f"/w/{slug}")
        shown = page.get_by_role("row").filter(has_text=ana.address).locator("time")
        text, stamp = shown.inner_text(), shown.get_attribute("datetime")
        assert re.fullmatch(expected, text), text
        assert stamp is not None
        assert stamp.endswith("Z")
        window.close()


def test_a_keyboard_reaches_everything_in_the_order_in_which_it_stands(meet: Meet) -> None:
    ana = meet("Ana")
    ana.page.goto("/sign-in")
    stops = []
    for _ in range(8):
        ana.page.keyboard.press("Tab")
        stops.append(
            ana.page.evaluate(
                """() => {
                  const at = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(at);
                  const name = at.innerText || at.labels?.[0]?.innerText;
                  return [name, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
                }"""
            )
        )
    names = [name.strip() for name, _ in stops]
    assert names == [
        "Skip to content", "Wardenry", "Sign in", "Sign up", "E-mail address", "Password", "Sign in",
        "Create an account",
    ]  # fmt: skip
    assert all(shown for _, shown in stops), "a stop of the keyboard cannot be seen"
    ana.page.goto("/sign-in")
    ana.page.keyboard.press("Tab")
    ana.page.keyboard.press("Enter")
    ana.page.keyboard.press("Tab")
    expect(ana.page.get_by_label("E-mail address")).to_be_focused()


def test_styles_and_scripts_are_fetched_once(meet: Meet) -> None:
    ana = meet("Ana")
    for path in ("/", "/sign-in"):
        ana.page.goto(path)
        ana.page.wait_for_load_state("networkidle")
    transferred = """() => performance.getEntriesByType("resource").map((each) => [each.name, each.transferSize])"""
    sizes = dict(ana.page.evaluate(transferred))
    assert len(sizes) >= len(("style", "script"))
    assert set(sizes.values()) == {0}
