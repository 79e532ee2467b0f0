"""The service's part in the probes of controls."""

from collections.abc import Mapping

from libs.controls.examination import Examination
from libs.controls.row_security.examination import Roles, RowSecurity
from libs.controls.servicer import ControlHandlers
from libs.db.pool import Database
from libs.service.databases import Databases


def by_role(databases: Databases) -> Mapping[str, Database]:
    """The service's own database, by the role that it works under."""
    return {"runtime": databases.runtime, "relay": databases.relay, "jobs": databases.jobs}


def control_handlers(
    service: str,
    *,
    databases: Databases,
    further_databases: Mapping[str, Database] | None = None,
    examinations: Mapping[str, Examination] | None = None,
) -> ControlHandlers:
    """Examines the row security of the service's databases, and what `examinations` adds, by the control's id.
    `further_databases` are those that the service uses as their runtime alone, by name. Raises OSError."""
    own = Roles(database=service, by_role=by_role(databases))
    further = [Roles(database=name, by_role={"runtime": each}) for name, each in (further_databases or {}).items()]
    return ControlHandlers(examinations={"T2": RowSecurity(databases=[own, *further]), **(examinations or {})})
