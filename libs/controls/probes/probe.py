"""What a probe is."""

from typing import Protocol

from libs.controls.deployment import Deployment
from libs.controls.examined import Examined
from wardenry.clock import Clock


class Probe(Protocol):
    """Looks whether one control is kept in a deployment."""

    async def __call__(self, deployment: Deployment, *, clock: Clock) -> Examined:
        """What was seen from outside, and what the services found out about themselves. Changes nothing that lasts.

        Raises Unreachable (libs.controls.deployment) when nothing of it could be seen; what else it raises is a defect
        of the probe, and makes the control UNKNOWN too.
        """
        ...
