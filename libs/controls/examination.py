"""What a service examines about itself."""

import logging
from typing import Protocol

from libs.controls.examined import Examined, together

_log = logging.getLogger(__name__)


class Examination(Protocol):
    """One service's part in the probe of one control."""

    async def __call__(self) -> Examined:
        """What is found out now, under the service's own roles and keys. Changes nothing that lasts, and may be asked
        at any time. Raises DatabaseUnavailable (libs.db.errors), and what the service's table of errors knows."""
        ...


class Several:
    """Examinations that are one control's together. What one finds stands, whatever becomes of the others."""

    def __init__(self, *examinations: Examination) -> None:
        self._examinations = examinations

    async def __call__(self) -> Examined:
        return together([await _whatever(examination) for examination in self._examinations])


async def _whatever(examination: Examination) -> Examined:
    try:
        return await examination()
    except Exception as error:
        _log.exception("a part of an examination failed")
        return Examined(unknown=(f"a part was not examined: {type(error).__name__}",))
