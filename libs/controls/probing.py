"""Probing a deployment: every probe at once, each with its deadline, and a result of each whatever happens."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from libs.controls.deployment import Deployment, Unreachable
from libs.controls.examined import Examined
from libs.controls.probes.probe import Probe
from libs.controls.result import Result
from wardenry.clock import Clock

#: Seconds for one probe.
DEADLINE = 60.0

_log = logging.getLogger(__name__)


class Probing:
    """Sends probes to one deployment."""

    def __init__(self, *, deployment: Deployment, prober: str, clock: Clock, deadline: float = DEADLINE) -> None:
        """`prober` is the mutual-TLS name under which the deployment knows us; `deadline`, in seconds, is each
        probe's."""
        self._deployment = deployment
        self._prober = prober
        self._clock = clock
        self._deadline = deadline

    async def run(
        self, probes: Mapping[str, Probe], *, on_result: Callable[[Result], None] = lambda result: None
    ) -> list[Result]:
        """The results, in the order of the probes. `on_result` is told each as soon as it is there."""

        async def one(control: str, probe: Probe) -> Result:
            result = await self._result(control, probe)
            on_result(result)
            return result

        return list(await asyncio.gather(*(one(control, probe) for control, probe in probes.items())))

    async def _result(self, control: str, probe: Probe) -> Result:
        started_at = self._clock.now()
        try:
            async with asyncio.timeout(self._deadline):
                examined = await probe(self._deployment, clock=self._clock)
        except Unreachable as error:
            examined = Examined(unknown=(str(error),))
        except TimeoutError:
            examined = Examined(unknown=(f"there was no verdict within {self._deadline:g} seconds",))
        except Exception as error:
            # A defect of a probe is no verdict about what it probes.
            _log.exception("the probe of %s failed", control)
            examined = Examined(unknown=(f"the probe itself failed: {type(error).__name__}",))
        return Result.of(control, examined, started_at=started_at, finished_at=self._clock.now(), prober=self._prober)
