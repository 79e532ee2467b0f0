"""Whether a control is probed."""

from collections.abc import Container
from enum import StrEnum

from libs.controls.catalogue.control import Control


class Standing(StrEnum):
    """How it is known whether a control is kept."""

    PROBED = "probed"
    NOT_PROBED_YET = "not probed yet"
    #: People keep it: no software sees that.
    PROCESS = "documented process"


def standing_of(control: Control, probes: Container[str]) -> Standing:
    """The standing of a control, where `probes` are the ids of those that have a probe."""
    if control.id in probes:
        return Standing.PROBED
    return Standing.PROCESS if control.process else Standing.NOT_PROBED_YET
