"""The forms of open invitations, sent more often than once at the same time."""

import asyncio
import re
import ssl

import asyncpg
import httpx2

from tests.support.people import People
from tests.support.running_stack import running
from tests.support.stack import LocalStack

_HELD = "SELECT FROM invitation WHERE invitation_id = $1 FOR UPDATE"
_OPEN = "SELECT count(*) FROM invitation WHERE workspace_id = $1 AND revoked_at IS NULL"


async def test_an_invitation_that_is_sent_again_twice_at_once_is_open_once(people: People) -> None:
    owner = await people.person()
    workspace = await people.workspace(owner)
    invited = {"address": people.stranger("ben").address, "role": "member"}
    created = await owner.browser.ask("POST", f"{workspace.path}/invitations", invited, expect=201)
    earlier = created["invitation"]["invitation_id"]
    page = f"/w/{workspace.slug}"
    here = running(people.stack)
    context = ssl.create_default_context(cafile=str(here.edge_ca_file))
    async with httpx2.AsyncClient(
        base_url=here.https, verify=context, headers={"Origin": here.https}, timeout=60
    ) as window:
        csrf = {"csrf_token": (await window.get("/api/v1/csrf")).json()["csrf_token"]}
        await window.post("/sign-in", data=csrf | {"address": owner.address, "password": owner.password})
        csrf = {"csrf_token": (await window.get("/api/v1/csrf")).json()["csrf_token"]}
        await window.post(f"{page}/open", data=csrf)
        database = await asyncpg.connect(administrator_url(people.stack))
        try:
            # The earlier one can be revoked only when both have found it open and have sent a new one.
            async with database.transaction():
                await database.fetch(_HELD, earlier)
                renewal = f"{page}/invitations/{earlier}/renewal"
                both = [asyncio.create_task(window.post(renewal, data=csrf)) for _ in range(2)]
                async with asyncio.timeout(30):
                    while await database.fetchval(_OPEN, workspace.workspace_id) < 3:
                        assert not any(each.done() for each in both), [each.result() for each in both if each.done()]
                        await asyncio.sleep(0.02)
        finally:
            await database.close()
        answers = await asyncio.gather(*both)
        shown = (await window.get(page)).text
    opened = re.findall(r"/invitations/([0-9a-f-]{36})/revocation", shown)
    assert len(opened) == 1
    assert earlier not in opened
    for answer in answers:
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert f"__Host-notice=invited-again.{opened[0]}" in answer.headers["set-cookie"]
    assert f"Invitation sent to <bdi>{invited['address']}" in shown


def administrator_url(stack: LocalStack) -> str:
    password = (stack.home / "secrets" / "postgresql_administrator.password").read_text().strip()
    return f"postgresql://postgres:{password}@{stack.state['addresses']['postgresql']}/tenancy"
