"""The forms of invitations: sent twice, they do once what they say; a link without its secret tells nothing."""

import asyncio
import re

from tests.support.people import People
from tests.support.window import sent, window_of

SECRET = "A" * 43


async def test_an_invitation_that_is_sent_twice_at_once_is_open_once(people: People) -> None:
    owner = await people.person()
    workspace = await people.workspace(owner)
    address, page = people.stranger("ben").address, f"/w/{workspace.slug}"
    async with window_of(people, owner, workspace) as window:
        (invitation,) = re.findall(r'name="invitation_id" value="([0-9a-f-]{36})"', (await window.get(page)).text)
        form = {"invitation_id": invitation, "address": address, "role": "member"}
        answers = await asyncio.gather(*(sent(window, f"{page}/invitations", **form) for _ in range(3)))
        assert {(each.status_code, each.headers.get("location")) for each in answers} == {(303, page)}
        other = await sent(window, f"{page}/invitations", **form | {"address": "other@example.com"})
        assert (other.status_code, "This form was sent before" in other.text) == (409, True)
        shown = (await window.get(page)).text
        assert re.findall(r"/invitations/([0-9a-f-]{36})/revocation", shown) == [invitation]
        ((action, renewed),) = re.findall(r'formaction="([^"]*/renewal)"[^>]* value="([0-9a-f-]{36})"', shown)
        answers = await asyncio.gather(*(sent(window, action, renewed_id=renewed) for _ in range(3)))
        assert {(each.status_code, each.headers.get("location")) for each in answers} == {(303, page)}
        shown = (await window.get(page)).text
        assert re.findall(r"/invitations/([0-9a-f-]{36})/revocation", shown) == [renewed]
        await sent(window, f"{page}/invitations/{renewed}/revocation")
        # What these made has ended: nobody is to hear that it was sent.
        for path, fields in ((f"{page}/invitations", form), (action, {"renewed_id": renewed})):
            ended = await sent(window, path, **fields)
            assert (ended.status_code, "This form was sent before" in ended.text) == (409, True)
        gone = await sent(window, action, renewed_id=renewed[:-12] + "0" * 12)
        assert (gone.status_code, "no longer open" in gone.text) == (404, True)


async def test_a_link_tells_nothing_without_its_secret(people: People) -> None:
    owner, eve = await people.person(), await people.person("eve")
    workspace = await people.workspace(owner)
    invited = people.stranger("ben").address
    await owner.browser.ask("POST", f"{workspace.path}/invitations", {"address": invited, "role": "admin"}, expect=201)
    _, invitation_id, secret = await people.mail.invitation(invited)
    known, unknown = f"/invitations/{invitation_id}", "/invitations/0192f0c0-0000-7000-8000-000000000002"
    for person in (None, eve):
        async with window_of(people, person, None) as window:
            pages = [(await window.get(path)).text.replace(path, "") for path in (known, unknown)]
            pages = [re.sub(r"[0-9a-f-]{36}|csrf_token\" value=\"[^\"]*", "", page) for page in pages]
            assert pages[0] == pages[1]
            refused = [await sent(window, f"{path}/offer", secret=SECRET) for path in (known, unknown)]
            assert [each.status_code for each in refused] == [404, 404]
            assert "admin" not in refused[0].text
            offered = await sent(window, f"{known}/offer", secret=secret)
            assert "Join <bdi>Workspace</bdi>" in offered.text
            assert "<strong>admin</strong>" in offered.text
            assert invited not in offered.text
            assert workspace.slug not in offered.text
            # A window of another site can neither look nor decline.
            for what in ("offer", "refusal"):
                answer = await window.post(
                    f"{known}/{what}", data={"secret": secret}, headers={"Origin": "https://evil.example"}
                )
                assert answer.status_code == 403
    assert (await owner.browser.ask("GET", f"{workspace.path}/invitations", expect=200))["invitations"]


async def test_a_refused_page_of_the_log_is_written_down_once(people: People) -> None:
    owner, member = await people.person(), await people.person("ben")
    workspace = await people.workspace(owner)
    await people.join(workspace, owner, member)
    async with window_of(people, member, workspace) as window:
        page = await window.get(f"/w/{workspace.slug}/audit")
    assert (page.status_code, f'href="/w/{workspace.slug}"' in page.text) == (403, True)
    # What audit says of one log arrives in the order in which it was said: with this, everything before it is there.
    await member.browser.ask("GET", f"{workspace.path}/audit/anchor", expect=403)
    found: list[str] = []
    async with asyncio.timeout(60):
        while not any(rpc.endswith("GetAnchor") for rpc in found):
            entries = await people.entries(owner, workspace)
            found = [entry["details"]["rpc"] for entry in entries if entry["action"] == "permission.denied"]
            await asyncio.sleep(0.1)
    assert [rpc.rpartition("/")[2] for rpc in found] == ["GetAnchor", "ListEntries"]
