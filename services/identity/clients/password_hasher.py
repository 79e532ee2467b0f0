"""Passwords hashed with bcrypt, in threads of their own, as many at once as the process admits."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import bcrypt

from libs.ids import Entropy
from services.identity.domain.errors import HashingBusy
from services.identity.domain.ports import Hashing

#: Works begun for each thread: while one is hashed, another is at the database.
_WORKS_PER_THREAD: Final = 2
_T = TypeVar("_T")


class BcryptHasher:
    """bcrypt over base64(HMAC-SHA-256(pepper, password)): of any length, never truncated, never with a NUL."""

    def __init__(self, *, pepper: bytes, cost: int, threads: int, most_waiting: int, entropy: Entropy) -> None:
        """`most_waiting` bounds those that wait for one of the threads: who comes then is refused at once."""
        self._pepper = pepper
        self._cost = cost
        self._most = threads + most_waiting
        self._admitted = 0
        self._places = asyncio.Semaphore(threads * _WORKS_PER_THREAD)
        self._begun: set[asyncio.Task[object]] = set()
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="bcrypt")
        # What a password is compared with where there is none: the hash of a secret that nobody keeps. Only its work
        # matters, so hashing it at start-up at every cost below is spared: the salt carries the cost.
        self._nobody = self._prepared(entropy.bytes(32))

    async def admit(self, work: Callable[[Hashing], Awaitable[_T]]) -> _T:
        if self._admitted >= self._most:
            raise HashingBusy
        self._admitted += 1
        try:
            await self._places.acquire()
        except asyncio.CancelledError:
            self._admitted -= 1
            raise
        task = asyncio.create_task(self._to_its_end(work))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return await asyncio.shield(task)

    async def hash(self, password: bytes) -> str:
        return await self._in_thread(lambda: self._hashed(password))

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        return await self._in_thread(lambda: self._verified(password, hashed))

    def is_outdated(self, hashed: str) -> bool:
        return cost_of(hashed) < self._cost

    async def drain(self) -> None:
        """Returns when all work that had begun is done, whoever waits for it still."""
        while self._begun:
            await asyncio.wait(self._begun)

    def close(self) -> None:
        """Waits for the hashes under way."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _to_its_end(self, work: Callable[[Hashing], Awaitable[_T]]) -> _T:
        try:
            return await work(self)
        finally:
            self._places.release()
            self._admitted -= 1

    def _hashed(self, password: bytes) -> str:
        return bcrypt.hashpw(self._prepared(password), bcrypt.gensalt(self._cost)).decode()

    def _verified(self, password: bytes, hashed: str | None) -> bool:
        prepared = self._prepared(password)
        if hashed is None:
            bcrypt.hashpw(self._nobody, bcrypt.gensalt(self._cost))
            return False
        held = bcrypt.checkpw(prepared, hashed.encode())
        # A hash of an older, lower cost is checked sooner, which would tell that the account exists: 2^c work is filled
        # up to 2^n by 2^c + 2^(c+1) + … + 2^(n-1).
        for cost in range(cost_of(hashed), self._cost):
            bcrypt.hashpw(self._nobody, bcrypt.gensalt(cost))
        return held

    def _prepared(self, password: bytes) -> bytes:
        return base64.b64encode(hmac.digest(self._pepper, password, hashlib.sha256))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def cost_of(hashed: str) -> int:
    """The cost of a hash of ours: "$2b$12$…"."""
    return int(hashed[4:6])
