"""A session that ends while it is in use: once that is acknowledged, neither the gateway nor a product's service takes
it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.local.demo.narration import counted
from deploy.local.demo.scene import CHROME, Scene
from deploy.local.demo.story import records_token, require

#: How long the session is used before, and how often at least, however slow the machine is; and how long after.
BEFORE_SECONDS = 1.0
BEFORE_USES = 6
AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the session: when it was sent, and whether it was served."""

    sent_at: float
    served: bool


async def revoke_in_use(scene: Scene) -> None:
    """A second device is used in two loops; the person ends its session from the first one."""
    team = scene.teams[0]
    owner = team.owner
    laptop = scene.browser(CHROME)
    credentials = {"address": owner.address, "password": owner.password, "workspace": team.slug}
    session_id = (await laptop.ask("POST", "/api/v1/sessions", credentials, expect=201))["session_id"]
    listed = await owner.browser.ask("GET", "/api/v1/sessions", expect=200)
    require(session_id in [each["session_id"] for each in listed["sessions"]], "the other device must be listed")
    answer = await laptop.ask("POST", f"{team.path}/tokens", {"audience": "records"}, expect=201)
    token: str = answer["access_token"]

    async def at_the_gateway() -> int:
        return (await laptop.send("GET", team.path)).status_code

    async def at_the_example_service() -> int:
        return (await scene.records.list(token, agent=laptop.agent)).status

    uses: dict[str, list[Use]] = {"the gateway": [], "the example service": []}
    stop = asyncio.Event()
    loops = [
        asyncio.create_task(use(scene, at_the_gateway, uses["the gateway"], stop)),
        asyncio.create_task(use(scene, at_the_example_service, uses["the example service"], stop)),
    ]
    await asyncio.sleep(BEFORE_SECONDS)
    while min(map(len, uses.values())) < BEFORE_USES and not any(loop.done() for loop in loops):  # noqa: ASYNC110 - a count
        await asyncio.sleep(0.02)
    before = {place: len(made) for place, made in uses.items()}
    await owner.browser.ask("DELETE", f"/api/v1/sessions/{session_id}", expect=204)
    acknowledged = scene.clock.monotonic()
    await asyncio.sleep(AFTER_SECONDS)
    stop.set()
    await asyncio.gather(*loops)
    for place, made in uses.items():
        require(all(each.served for each in made[: before[place]]), f"{place} must serve it before")
        require(not made[-1].served, f"{place} must refuse it in the end")
        last = max(each.sent_at for each in made if each.served)
        require(last < acknowledged, f"{place} still served the ended session after {last - acknowledged:.3f} s")
        refused = counted(len([each for each in made if each.sent_at > acknowledged]), "uses")
        scene.measured[f"last served by {place}, seconds before the end was acknowledged"] = round(
            acknowledged - last, 3
        )
        scene.fact(
            f"{place}: {counted(len(made), 'uses')}, {refused} after the end was acknowledged, none of them served"
        )
    await owner.browser.ask("GET", team.path, expect=200)
    scene.fact(f"{owner.name}'s own session goes on")
    await records_token(team, owner)


async def use(scene: Scene, once: Callable[[], Awaitable[int]], uses: list[Use], stop: asyncio.Event) -> None:
    """Use something again and again, about as often as the gateway's limits let one person, and once more at the
    end."""
    last = False
    while not last:
        last = stop.is_set()
        sent_at = scene.clock.monotonic()
        status = await once()
        require(status in (200, 401), f"a use of the session answered {status}")
        uses.append(Use(sent_at, served=status == 200))
        await asyncio.sleep(0.02)
