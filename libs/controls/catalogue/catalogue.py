"""All controls, in the order of the security page."""

from collections.abc import Mapping

from libs.controls.catalogue.audit import AUDIT
from libs.controls.catalogue.authentication import AUTHENTICATION
from libs.controls.catalogue.control import Control
from libs.controls.catalogue.data_rights import DATA_RIGHTS
from libs.controls.catalogue.edge import EDGE
from libs.controls.catalogue.encryption import ENCRYPTION
from libs.controls.catalogue.operations import OPERATIONS
from libs.controls.catalogue.sessions import SESSIONS
from libs.controls.catalogue.tenancy import TENANCY

CATALOGUE: tuple[Control, ...] = (
    *TENANCY,
    *AUTHENTICATION,
    *SESSIONS,
    *ENCRYPTION,
    *EDGE,
    *AUDIT,
    *DATA_RIGHTS,
    *OPERATIONS,
)

CONTROLS: Mapping[str, Control] = {control.id: control for control in CATALOGUE}
