"""Checking whether the controls are kept, by probing the deployment."""

from collections.abc import Callable, Mapping, Sequence

from libs.controls.catalogue.catalogue import CATALOGUE, CONTROLS
from libs.controls.catalogue.control import Control
from libs.controls.deployment import Deployment
from libs.controls.examined import Examined
from libs.controls.probes.probe import Probe
from libs.controls.probes.registry import PROBES
from libs.controls.probing import Probing
from libs.controls.result import Result
from libs.controls.standing import standing_of
from wardenry.clock import Clock


class ControlUnknown(Exception):
    """The catalogue has no control of this id. The text is one line for the operator."""


class CheckControls:
    def __init__(self, *, probing: Probing) -> None:
        self._probing = probing

    async def __call__(self, controls: Sequence[str], *, on_result: Callable[[Result], None]) -> Sequence[Result]:
        """The results, in the catalogue's order; `on_result` is told each as soon as it is there. Without ids, of all
        controls that have a probe. One that has none is UNKNOWN, and why. Raises ControlUnknown."""
        return await self._probing.run(chosen(controls), on_result=on_result)


def chosen(controls: Sequence[str]) -> Mapping[str, Probe]:
    """The probes of these controls, of all that have one without ids. Raises ControlUnknown."""
    wanted = {name.upper() for name in controls} or set(PROBES)
    for name in sorted(wanted - set(CONTROLS)):
        raise ControlUnknown(f"{name} is no control; wardenry controls list shows them all.")
    return {control.id: PROBES.get(control.id, _Unprobed(control)) for control in CATALOGUE if control.id in wanted}


class _Unprobed:
    """Stands in where there is no probe."""

    def __init__(self, control: Control) -> None:
        self._standing = standing_of(control, PROBES)

    async def __call__(self, deployment: Deployment, *, clock: Clock) -> Examined:
        return Examined(unknown=(self._standing.value,))
