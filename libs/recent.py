"""What was asked for of late, within bounds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """A bounded dictionary: the entry longest unused makes room."""

    def __init__(self, size: int) -> None:
        """`size` is how many entries it holds at most."""
        self._size = size
        self._entries: OrderedDict[_K, _V] = OrderedDict()

    def get(self, key: _K) -> _V | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: _K, value: _V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, key: _K) -> None:
        self._entries.pop(key, None)

    def drop(self, stale: Callable[[_V], bool]) -> None:
        """Forgets every entry whose value is `stale`."""
        for key in [key for key, value in self._entries.items() if stale(value)]:
            del self._entries[key]
