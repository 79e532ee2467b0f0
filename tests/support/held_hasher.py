"""A hasher of passwords that a test holds at the moment when it has compared."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.identity.domain.ports import Hashing, PasswordHasher

T = TypeVar("T")


class HeldHasher:
    """Says that it has compared a password, and waits. `outdated`: whether it takes every hash for an older one."""

    def __init__(self, real: PasswordHasher, *, outdated: bool = False) -> None:
        self._real = real
        self._outdated = outdated
        self.compared, self.go_on = asyncio.Event(), asyncio.Event()

    async def admit(self, work: Callable[[Hashing], Awaitable[T]]) -> T:
        return await self._real.admit(lambda hashing: work(HeldHashing(hashing, self)))

    def is_outdated(self, hashed: str) -> bool:
        return self._outdated


class HeldHashing:
    def __init__(self, real: Hashing, hasher: HeldHasher) -> None:
        self._real = real
        self._hasher = hasher

    async def hash(self, password: bytes) -> str:
        return await self._real.hash(password)

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        held = await self._real.verify(password, hashed)
        self._hasher.compared.set()
        await self._hasher.go_on.wait()
        return held
