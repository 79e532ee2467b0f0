"""Invariant 3, while the very tokens are in use: once a session's end is acknowledged, nothing of it is served."""

import os
from collections import Counter

import pytest

from deploy.local.demo.browser import Browser
from tests.faults.connections import connected, verifier
from tests.faults.revocation import eight_loops, used_while_ended
from tests.faults.session_line import Line
from tests.support.people import People, Person, Workspace
from tests.support.stack import LocalStack
from wardenry.session.v1.token_pb2_grpc import TokenServiceStub

#: `make faults` asks for more.
ROUNDS = int(os.environ.get("ROUNDS") or 10)


async def signed_in(person: Person, workspaces: tuple[Workspace, Workspace], browser: Browser) -> tuple[Line, Line]:
    """A new session with a grant in each workspace: two lines of refresh tokens that end together."""
    first, second = workspaces
    credentials = {"address": person.address, "password": person.password, "workspace": first.slug}
    session = (await browser.ask("POST", "/api/v1/sessions", credentials, expect=201))["session_id"]
    await browser.ask("POST", f"{second.path}/grants", expect=201)
    return Line.of(browser, first.workspace_id, session), Line.of(browser, second.workspace_id, session)


@pytest.mark.timeout(60 + 6 * ROUNDS)
async def test_nothing_is_served_after_the_end_is_acknowledged(people: People, stack: LocalStack) -> None:
    person = await people.person()
    workspaces = await people.workspace(person), await people.workspace(person)
    findings: list[str] = []
    latest: dict[str, float] = {}
    refused: Counter[str] = Counter()
    async with connected(stack, "session", own="gateway") as channel, verifier(stack, own="records") as sdk:
        tokens = TokenServiceStub(channel)
        for number in range(ROUNDS):
            device = people.browser("tests/faults device")
            lines = await signed_in(person, workspaces, device)

            async def by_another_device(session_id: str = lines[0].session_id) -> None:
                await person.browser.ask("DELETE", f"/api/v1/sessions/{session_id}", expect=204)

            async def with_all_others() -> None:
                await person.browser.ask("POST", "/api/v1/sessions/revocations", {"keep_current": True}, expect=200)

            async def by_itself(device: Browser = device, lines: tuple[Line, Line] = lines) -> None:
                for line, workspace in zip(lines, workspaces, strict=True):
                    line.plant(device, workspace.workspace_id)
                await device.ask("DELETE", "/api/v1/sessions/current", expect=204)

            end = (by_another_device, with_all_others, by_itself)[number % 3]
            loops = eight_loops(lines, tokens, sdk)
            acknowledged = await used_while_ended(loops, end)
            for loop in loops:
                findings += [f"round {number + 1}, {end.__name__}: {found}" for found in loop.findings(acknowledged)]
                latest[loop.name] = max(latest.get(loop.name, -1.0), loop.last_served(acknowledged))
                refused[loop.name] += loop.refused_after(acknowledged)
    print(f"\n{ROUNDS} sessions ended while in use. Of each loop, in all: uses that were sent after the end was")
    print("acknowledged, and were refused; and when the last one that was served was sent, in seconds from the same:")
    for name, seconds in latest.items():
        print(f"  {refused[name]:6d}  {seconds:7.3f}  {name}")
    assert not findings, "\n".join(findings)
