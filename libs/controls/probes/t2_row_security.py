"""T2: the database enforces the workspace on every query.

Each service examines its own databases under its own roles, so nobody else needs a way in.
"""

import asyncio
from dataclasses import replace

from libs.controls.deployment import SERVICES, Deployment, examine_or_unknown
from libs.controls.examined import Examined, together
from libs.controls.row_security.examination import POLICIES, QUERIES, ROWS, SEEN, TABLES
from wardenry.clock import Clock


async def probe(deployment: Deployment, *, clock: Clock) -> Examined:
    """What the five services find."""
    whole = together(await asyncio.gather(*(examine_or_unknown(deployment, service, "T2") for service in SERVICES)))
    if not whole.figures:
        return whole
    count = {name: whole.figures.get(name, 0) for name in (TABLES, POLICIES, QUERIES, ROWS, SEEN)}
    headline = (
        f"{count[TABLES]} tables with {count[POLICIES]} policies; {count[QUERIES]} queries without a workspace saw "
        f"{count[SEEN]} of about {count[ROWS]} rows"
    )
    return replace(whole, facts=(headline, *whole.facts))
