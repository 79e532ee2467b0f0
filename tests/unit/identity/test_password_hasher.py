"""bcrypt in threads of its own."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Iterator

import bcrypt
import pytest

from libs.ids import SystemEntropy
from services.identity.clients.password_hasher import BcryptHasher, cost_of
from services.identity.domain.errors import HashingBusy
from services.identity.domain.ports import Hashing

PEPPER = b"p" * 32


@pytest.fixture
def hasher() -> Iterator[BcryptHasher]:
    hasher = BcryptHasher(pepper=PEPPER, cost=6, threads=1, most_waiting=1, entropy=SystemEntropy())
    yield hasher
    hasher.close()


async def test_a_hash_is_bcrypt_over_the_peppered_password(hasher: BcryptHasher) -> None:
    hashed = await hasher.hash(b"password")
    prepared = base64.b64encode(hmac.digest(PEPPER, b"password", hashlib.sha256))
    assert bcrypt.checkpw(prepared, hashed.encode())
    assert cost_of(hashed) == 6


async def test_a_password_is_verified_whole(hasher: BcryptHasher) -> None:
    for length in (0, 1, 71, 72, 73, 4096):
        password = b"x" * length
        hashed = await hasher.hash(password)
        assert await hasher.verify(password, hashed)
        assert not await hasher.verify(password + b"x", hashed)
        assert not await hasher.verify(password + b"\0", hashed)


async def test_nobodys_password_is_never_right(hasher: BcryptHasher) -> None:
    assert not await hasher.verify(b"", None)


async def test_another_pepper_verifies_nothing(hasher: BcryptHasher) -> None:
    other = BcryptHasher(pepper=b"q" * 32, cost=6, threads=1, most_waiting=1, entropy=SystemEntropy())
    assert not await other.verify(b"password", await hasher.hash(b"password"))
    other.close()


async def test_work_is_the_same_for_nobody_and_for_an_older_hash() -> None:
    """Counted in rounds of the cipher: what bcrypt was asked for, which no clock can blur."""
    spent: list[int] = []
    hasher = BcryptHasher(pepper=PEPPER, cost=7, threads=1, most_waiting=1, entropy=SystemEntropy())
    older = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    newer = bcrypt.hashpw(b"x", bcrypt.gensalt(7)).decode()
    original_hash, original_check = bcrypt.hashpw, bcrypt.checkpw

    def counting_hash(password: bytes, salt: bytes) -> bytes:
        spent.append(2 ** int(salt[4:6]))
        return original_hash(password, salt)

    def counting_check(password: bytes, hashed: bytes) -> bool:
        spent.append(2 ** int(hashed[4:6]))
        return original_check(password, hashed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bcrypt, "hashpw", counting_hash)
        patch.setattr(bcrypt, "checkpw", counting_check)
        work = []
        for hashed in (None, older, newer):
            await hasher.verify(b"password", hashed)
            work.append(sum(spent))
            spent.clear()
    hasher.close()
    assert work == [2**7] * 3


async def test_more_than_the_admitted_are_refused_at_once(hasher: BcryptHasher) -> None:
    done = asyncio.Event()
    two = [asyncio.create_task(hasher.admit(lambda _: done.wait())) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(HashingBusy):
        await hasher.admit(lambda hashing: hashing.hash(b"password"))
    done.set()
    await asyncio.gather(*two)
    await hasher.admit(lambda hashing: hashing.hash(b"password"))


async def test_who_gives_up_before_its_turn_has_begun_nothing() -> None:
    hasher = BcryptHasher(pepper=PEPPER, cost=6, threads=1, most_waiting=2, entropy=SystemEntropy())
    done, begun = asyncio.Event(), []
    two = [asyncio.create_task(hasher.admit(lambda _: done.wait())) for _ in range(2)]

    async def work(_: Hashing) -> None:
        begun.append(True)

    waiting = asyncio.create_task(hasher.admit(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    done.set()
    await asyncio.gather(*two)
    assert not begun
    await hasher.admit(work)
    assert begun
    hasher.close()


async def test_what_was_begun_goes_on_without_its_caller(hasher: BcryptHasher) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def work(hashing: Hashing) -> None:
        begun.set()
        await hashing.hash(b"password")
        done.set()

    task = asyncio.create_task(hasher.admit(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await done.wait()


async def test_what_was_begun_is_over_when_it_is_drained(hasher: BcryptHasher) -> None:
    done = []

    async def work(hashing: Hashing) -> None:
        done.append(await hashing.hash(b"password"))

    tasks = [asyncio.create_task(hasher.admit(work)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await hasher.drain()
    assert len(done) == 2
