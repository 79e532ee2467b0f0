"""Whether a control is built, and whether it is probed."""

from collections.abc import Container
from enum import StrEnum

from libs.controls.catalogue.control import Control
from libs.controls.catalogue.extent import MISSING, NOT_BUILT


class Standing(StrEnum):
    """How far a control is, and how it is known whether it is kept."""

    PROBED = "probed"
    BUILT = "built, no probe yet"
    PARTLY = "built in part"
    NOT_BUILT = "not built yet"
    #: People keep it: no software sees that.
    PROCESS = "documented process"
    NO_PROCESS = "not documented yet"


def standing_of(control: Control, probes: Container[str]) -> Standing:
    """The standing of a control, where `probes` are the ids of those that have a probe."""
    if control.id in probes:
        return Standing.PROBED
    if control.process:
        return Standing.NO_PROCESS if control.id in NOT_BUILT else Standing.PROCESS
    if control.id in NOT_BUILT:
        return Standing.NOT_BUILT
    return Standing.PARTLY if control.id in MISSING else Standing.BUILT
