"""Forms that browsers keep are sent again: they do once what they say, and say where they did nothing."""

import asyncio
import re

from tests.support.people import People
from tests.support.window import sent, window_of

SIGN_UP, DATA = "/sign-up", "/account/data"


async def test_a_sign_up_that_is_sent_again_with_the_address_corrected_is_not_told_as_done(people: People) -> None:
    mistyped, ana = people.stranger(), people.stranger()
    async with window_of(people, None, None) as window:
        shown = re.compile(r'name="registration_id" value="([0-9a-f-]{36})"')
        (first,) = shown.findall((await window.get(SIGN_UP)).text)
        form = {"display_name": "Ana", "address": mistyped.address, "password": ana.password, "registration_id": first}
        for _ in range(2):
            answer = await sent(window, SIGN_UP, **form)
            assert (answer.status_code, answer.headers.get("location")) == (303, f"{SIGN_UP}/{first}")
        corrected = form | {"address": ana.address}
        refused = await sent(window, SIGN_UP, **corrected)
        assert (refused.status_code, "Nothing was mailed" in refused.text) == (409, True)
        assert f'value="{ana.address}"' in refused.text
        assert ana.password not in refused.text
        (second,) = shown.findall(refused.text)
        assert second != first
        answer = await sent(window, SIGN_UP, **corrected | {"registration_id": second})
        assert answer.headers["location"] == f"{SIGN_UP}/{second}"
        answer = await sent(window, f"{SIGN_UP}/{second}", code=await people.mail.code(ana.address))
        assert answer.headers["location"] == "/workspaces"


async def test_a_copy_that_is_asked_for_twice_is_made_once(people: People) -> None:
    ana = await people.person()

    async def states() -> list[bool]:
        listed = await ana.browser.ask("GET", "/api/v1/requests", expect=200)
        return [each.get("completed_at") is not None for each in listed["requests"]]

    async with window_of(people, ana, None) as window:
        shown = re.findall(
            r'name="request_id" value="([0-9a-f-]{36})">.*?name="right" value="access"',
            (await window.get(DATA)).text,
            re.DOTALL,
        )
        form = {"password": ana.password, "right": "access", "request_id": shown[0]}
        answers = await asyncio.gather(*(sent(window, f"{DATA}/requests", **form) for _ in range(3)))
        # One of them may come when the copy is there already.
        assert {303} <= {each.status_code for each in answers} <= {303, 409}
        found: list[bool] = []
        async with asyncio.timeout(60):
            while found != [True]:
                found = await states()
                assert len(found) == 1
                await asyncio.sleep(0.1)
        again = await sent(window, f"{DATA}/requests", **form)
        assert (again.status_code, "what it asked for is done" in again.text) == (409, True)
        assert await states() == [True]
