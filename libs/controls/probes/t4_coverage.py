"""T4: every tenant table has its policies, and there are as many as on the page that the promise began with.

That page counts 125 policies on 32 tables, whatever these hold. Coverage is a share of the tenant tables. The two
counts are held against all policies and tables; how many of the tables hold tenant data is no measure of anything.

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
    share = 100 * count[COVERED] // max(count[TENANT_TABLES], 1)
    headline = (
        f"{share} % of tenant tables are covered: {count[COVERED]} of {count[TENANT_TABLES]}, by "
        f"{count[TENANT_POLICIES]} policies; with all others {count[POLICIES]} policies on {count[TABLES]} tables"
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
