"""A key that was destroyed leaves the files of the vault's cluster, and what keeps it there is told."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import asyncpg
import pytest

from deploy.local.stack import VAULT_SETTINGS
from libs.crypto.key_owner import Destroyed, InvitationOwner, SubjectOwner
from libs.crypto.keyring import LocalKeyring
from libs.crypto.sealing import SymmetricKey
from libs.db.pool import Database
from libs.ids import SystemEntropy, Uuid7Ids
from services.identity.commands.data_key import DataKey, DataKeys
from services.identity.commands.destruction import RemoveRemains
from services.identity.domain.destruction import LATE
from services.identity.store.destruction import PostgresDestructions
from services.identity.store.vault import PostgresVault
from tests.support.clock import HeldClock
from tests.support.postgres import PostgresForTests, ServiceDatabase, ServiceDatabases


class Vault:
    """The vault's database, its maintenance, and the bytes of its files."""

    def __init__(self, stored: ServiceDatabase) -> None:
        self.stored = stored
        self.clock = HeldClock()
        entropy = SystemEntropy()
        self.ids = Uuid7Ids(clock=self.clock, entropy=entropy)
        self.database = Database(url=stored.runtime, name="vault", size=2)
        self.store = PostgresVault(database=self.database)
        keyring = LocalKeyring(keys=(SymmetricKey(key=b"r" * 32, version=1),), entropy=entropy)
        self.data_keys = DataKeys(store=self.store, provider=keyring, clock=self.clock, ids=self.ids, entropy=entropy)
        self.destructions = PostgresDestructions(url=stored.url("maintenance"))
        self.remove_remains = RemoveRemains(destructions=self.destructions, clock=self.clock)

    async def keyed(self, *workspaces: UUID) -> UUID:
        """Somebody with a key in each of these."""
        subject = self.ids.uuid7()
        await self.data_keys.ensure([SubjectOwner(subject=subject, workspace=each) for each in workspaces])
        return subject

    async def wrapped(self, query: str, *arguments: object) -> list[bytes]:
        connection = await asyncpg.connect(self.stored.administrator)
        try:
            return [row[0] for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def keys_of(self, subject: UUID) -> list[bytes]:
        return await self.wrapped("SELECT wrapped FROM data_key WHERE owner_id = $1 OR adopted_by = $1", subject)

    @asynccontextmanager
    async def old_transaction(self) -> AsyncIterator[None]:
        """Somebody whose snapshot shows what was there when it began."""
        connection = await asyncpg.connect(self.stored.administrator)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                await connection.fetch("SELECT FROM pg_class LIMIT 1")
                yield
        finally:
            await connection.close()


@asynccontextmanager
async def opened(stored: ServiceDatabase) -> AsyncIterator[Vault]:
    vault = Vault(stored)
    await vault.database.open()
    try:
        yield vault
    finally:
        await vault.database.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresForTests]:
    """One as the local stack has it for the vault: nothing of it is left out for speed."""
    with TemporaryDirectory(prefix="wardenry-vault-") as directory:
        Path(directory).chmod(0o711)
        server = PostgresForTests(directory=Path(directory), entropy=SystemEntropy(), settings=VAULT_SETTINGS)
        server.start()
        yield server
        server.stop()


def held(cluster: PostgresForTests, needles: list[bytes]) -> set[bytes]:
    """Which of the bytes are in any file of the cluster."""
    assert needles
    assert all(len(needle) > 32 for needle in needles)
    found: set[bytes] = set()
    for path in cluster.server.directory.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        found |= {needle for needle in needles if needle in content}
    return found


async def test_of_a_destroyed_key_no_file_is_left_that_holds_it(cluster: PostgresForTests) -> None:
    async with opened(cluster.service_database("vault")) as vault:
        here, there = vault.ids.uuid7(), vault.ids.uuid7()
        anna, ben = await vault.keyed(here, there), await vault.keyed(here)
        invitation = vault.ids.uuid7()
        await vault.data_keys.ensure([InvitationOwner(invitation=invitation, workspace=here)])
        await vault.store.adopt(invitation_id=invitation, workspace_id=here, subject_id=anna, now=vault.clock.now())
        annas, bens = await vault.keys_of(anna), await vault.keys_of(ben)
        assert len(annas) == 3
        await vault.store.destroy_subject(anna, workspace_id=None, now=vault.clock.now())
        # Destroyed for every reader, and still there for whoever has the disk.
        assert held(cluster, annas + bens) == {*annas, *bens}
        assert await vault.remove_remains() > 0
        assert held(cluster, annas + bens) == {*bens}
        assert await vault.destructions.remaining() == []
        (bens_key,) = await vault.data_keys.ensure([SubjectOwner(subject=ben, workspace=here)])
        assert isinstance(bens_key, DataKey)
        assert await vault.remove_remains() == 0


async def test_a_destroyed_workspace_leaves_neither_its_key_nor_those_under_it(cluster: PostgresForTests) -> None:
    async with opened(cluster.service_database("vault")) as vault:
        workspace = vault.ids.uuid7()
        anna = await vault.keyed(workspace)
        keys = await vault.keys_of(anna)
        keys += await vault.wrapped("SELECT wrapped FROM workspace_key WHERE workspace_id = $1", workspace)
        assert len(keys) == 2
        await vault.store.destroy_workspace(workspace, now=vault.clock.now())
        assert await vault.remove_remains() > 0
        assert held(cluster, keys) == set()
        # Said again, it destroys nothing, and nothing is rewritten.
        await vault.store.destroy_workspace(workspace, now=vault.clock.now())
        assert await vault.destructions.remaining() == []


@pytest.mark.parametrize("how", ["in one workspace", "adopted after the end"])
async def test_every_way_to_destroy_is_noted(cluster: PostgresForTests, how: str) -> None:
    async with opened(cluster.service_database("vault")) as vault:
        workspace = vault.ids.uuid7()
        anna = await vault.keyed(workspace)
        invitation = vault.ids.uuid7()
        await vault.data_keys.ensure([InvitationOwner(invitation=invitation, workspace=workspace)])
        await vault.remove_remains()
        await vault.store.destroy_subject(anna, workspace_id=workspace, now=vault.clock.now())
        if how == "adopted after the end":
            assert await vault.remove_remains() == 1
            (key,) = await vault.wrapped("SELECT wrapped FROM data_key WHERE owner_id = $1", invitation)
            await vault.store.adopt(
                invitation_id=invitation, workspace_id=workspace, subject_id=anna, now=vault.clock.now()
            )
            assert held(cluster, [key]) == {key}
            assert await vault.remove_remains() == 1
            assert held(cluster, [key]) == set()
        else:
            assert await vault.remove_remains() == 1


async def test_what_an_old_transaction_may_see_is_not_called_gone(
    cluster: PostgresForTests, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(cluster.service_database("vault")) as vault:
        anna = await vault.keyed(vault.ids.uuid7())
        keys = await vault.keys_of(anna)
        await vault.remove_remains()
        async with vault.old_transaction():
            await vault.store.destroy_subject(anna, workspace_id=None, now=vault.clock.now())
            assert await vault.remove_remains() == 0
            assert held(cluster, keys) == {*keys}
            (remains,) = await vault.destructions.remaining()
            assert not remains.rewritten
            assert "may see destroyed keys" in caplog.text
        assert await vault.remove_remains() == 1
        assert held(cluster, keys) == set()


async def test_who_has_a_table_open_is_not_waited_for(cluster: PostgresForTests) -> None:
    async with opened(cluster.service_database("vault")) as vault:
        anna = await vault.keyed(vault.ids.uuid7())
        await vault.remove_remains()
        await vault.store.destroy_subject(anna, workspace_id=None, now=vault.clock.now())
        connection = await asyncpg.connect(vault.stored.administrator)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE data_key IN ACCESS SHARE MODE")
                assert await vault.remove_remains() == 0
        finally:
            await connection.close()
        assert await vault.remove_remains() == 1


async def test_wal_that_is_kept_for_reuse_is_not_called_gone_and_after_a_day_it_is_told(
    service_database: ServiceDatabases, caplog: pytest.LogCaptureFixture
) -> None:
    # The cluster of all other tests has PostgreSQL's own default.
    async with opened(service_database("vault")) as vault:
        anna = await vault.keyed(vault.ids.uuid7())
        await vault.store.destroy_subject(anna, workspace_id=None, now=vault.clock.now())
        assert await vault.remove_remains() == 0
        assert {each.rewritten for each in await vault.destructions.remaining()} == {True}
        vault.clock.advance((LATE + timedelta(hours=1)).total_seconds())
        caplog.clear()
        await vault.remove_remains()
        (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert getattr(told, "alarm", "") == "destroyed_keys_remain"
        assert str(anna) not in caplog.text


async def test_what_was_never_destroyed_asks_for_nothing(cluster: PostgresForTests) -> None:
    async with opened(cluster.service_database("vault")) as vault:
        await vault.remove_remains()
        nobody = vault.ids.uuid7()
        await vault.store.destroy_subject(nobody, workspace_id=None, now=vault.clock.now())
        (key,) = await vault.data_keys.ensure([SubjectOwner(subject=nobody, workspace=vault.ids.uuid7())])
        assert isinstance(key, Destroyed)
        assert await vault.destructions.remaining() == []
