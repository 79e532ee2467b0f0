"""Who takes part in the demo, and what is known to them."""

import base64
from dataclasses import dataclass, field

from deploy.local.demo.browser import Browser
from deploy.local.demo.mail import Mail
from deploy.local.demo.narration import Narrator
from deploy.local.demo.records import Records
from deploy.local.demo.running import RunningStack
from libs.ids import Entropy, Ids
from wardenry.clock import Clock

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


@dataclass(slots=True, kw_only=True)
class Person:
    """A person with a browser. What services give is filled in as it comes."""

    name: str
    address: str
    password: str
    browser: Browser
    subject_id: str = ""


@dataclass(slots=True, kw_only=True)
class Team:
    """A workspace: who makes it, and who is invited."""

    name: str
    slug: str
    owner: Person
    guest: Person
    workspace_id: str = ""
    #: The export with proofs, once it was made.
    export: bytes = b""

    @property
    def path(self) -> str:
        return f"/api/v1/workspaces/{self.workspace_id}"


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything that a step may use."""

    stack: RunningStack
    narrator: Narrator
    mail: Mail
    records: Records
    clock: Clock
    ids: Ids
    teams: tuple[Team, Team]
    #: Browsers beside the people's own.
    others: list[Browser] = field(default_factory=list)
    #: What is worth telling to programs, by name.
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def people(self) -> list[Person]:
        return [person for team in self.teams for person in (team.owner, team.guest)]

    def fact(self, text: str) -> None:
        self.narrator.fact(text)

    def browser(self, agent: str) -> Browser:
        """A browser of its own, closed with the scene."""
        browser = new_browser(self.stack, agent)
        self.others.append(browser)
        return browser

    async def close(self) -> None:
        for browser in (*(person.browser for person in self.people), *self.others):
            await browser.close()
        await self.mail.close()
        await self.records.close()


def make_scene(*, stack: RunningStack, narrator: Narrator, clock: Clock, entropy: Entropy, ids: Ids) -> Scene:
    """Two workspaces to be, four people who have never been here."""
    run = entropy.bytes(4).hex()

    def person(name: str, agent: str) -> Person:
        return Person(
            name=name,
            address=f"{name.lower()}.{run}@example.com",
            password=base64.b32encode(entropy.bytes(15)).decode().lower(),
            browser=new_browser(stack, agent),
        )

    def team(name: str, owner: Person, guest: Person) -> Team:
        return Team(name=name, slug=f"{name.lower()}-{run}", owner=owner, guest=guest)

    return Scene(
        stack=stack,
        narrator=narrator,
        mail=Mail(url=stack.mail, clock=clock),
        records=Records(stack=stack),
        clock=clock,
        ids=ids,
        teams=(
            team("Atlas", person("Ana", FIREFOX), person("Ben", SAFARI)),
            team("Borealis", person("Chi", CHROME), person("Dev", FIREFOX)),
        ),
    )


def new_browser(stack: RunningStack, agent: str) -> Browser:
    return Browser(origin=stack.https, edge_ca_file=stack.edge_ca_file, agent=agent)
