"""T4: at least 125 policies on 32 tables, and every tenant table has its policies.

The figures are those of T2's examinations: each service counts its own.
"""

import asyncio
from dataclasses import replace

from libs.controls.deployment import SERVICES, Deployment, examine_or_unknown
from libs.controls.examined import Examined, Finding, together
from libs.controls.row_security.examination import COVERED, POLICIES, TABLES, TENANT_POLICIES, TENANT_TABLES
from wardenry.clock import Clock

_LEAST_POLICIES, _LEAST_TABLES = 125, 32
_WHERE = "row security of the deployment"


async def probe(deployment: Deployment, *, clock: Clock) -> Examined:
    """What the five services count."""
    whole = together(await asyncio.gather(*(examine_or_unknown(deployment, service, "T2") for service in SERVICES)))
    counted = Examined(unknown=whole.unknown, figures=whole.figures)
    if not whole.figures:
        return counted
    count = whole.figures
    headline = (
        f"{count[POLICIES]} policies on {count[TABLES]} tables; {count[COVERED]} of {count[TENANT_TABLES]} tenant "
        f"tables are covered, by {count[TENANT_POLICIES]} policies"
    )
    findings = []
    if count[COVERED] < count[TENANT_TABLES]:
        findings.append(Finding(_WHERE, "a tenant table lacks policies; control T2 names it"))
    # Who did not answer was not counted: too few would be no defect then.
    if not whole.unknown and (count[POLICIES] < _LEAST_POLICIES or count[TABLES] < _LEAST_TABLES):
        what = (
            f"{count[POLICIES]} policies on {count[TABLES]} tables are fewer than {_LEAST_POLICIES} on {_LEAST_TABLES}"
        )
        findings.append(Finding(_WHERE, what))
    return replace(counted, facts=(headline,), findings=tuple(findings))
