"""What a service examines about itself."""

from typing import Protocol

from libs.controls.examined import Examined, together


class Examination(Protocol):
    """One service's part in the probe of one control."""

    async def __call__(self) -> Examined:
        """What is found out now, under the service's own roles and keys. Changes nothing that lasts, and may be asked
        at any time. Raises DatabaseUnavailable (libs.db.errors), and what the service's table of errors knows."""
        ...


class Several:
    """Examinations that are one control's together."""

    def __init__(self, *examinations: Examination) -> None:
        self._examinations = examinations

    async def __call__(self) -> Examined:
        return together([await examination() for examination in self._examinations])
