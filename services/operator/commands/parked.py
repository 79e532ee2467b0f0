"""Looking at what consumers set aside, and having what failed taken in again."""

from collections.abc import Callable, Sequence

from services.operator.domain.parked import Retried, SetAside
from services.operator.domain.ports import ParkedRecords


class LookAtParked:
    def __init__(self, *, parked: ParkedRecords) -> None:
        self._parked = parked

    async def __call__(
        self, consumers: Sequence[str], *, reason: str, most: int
    ) -> tuple[Sequence[SetAside], Sequence[str]]:
        """Of each consumer the oldest records, of one reason or of all (""), at most so many; and the consumers that
        have more. Raises wardenry.errors.error types."""
        found: list[SetAside] = []
        longer = []
        for consumer in consumers:
            of_one: list[SetAside] = []
            token = ""
            while True:
                page, token = await self._parked.page(consumer, reason=reason, token=token)
                of_one += page
                if not token or len(of_one) > most:
                    break
            found += of_one[:most]
            if len(of_one) > most:
                longer.append(consumer)
        return found, longer


class RetryParked:
    def __init__(self, *, parked: ParkedRecords) -> None:
        self._parked = parked

    async def __call__(self, consumer: str, *, on_result: Callable[[Retried], None]) -> Sequence[Retried]:
        """Has every record of the consumer that failed taken in; `on_result` is told each as soon as it is known.
        Raises wardenry.errors.error types, and what was told before stands."""
        results = []
        async for retried in self._parked.retry(consumer):
            on_result(retried)
            results.append(retried)
        return results
