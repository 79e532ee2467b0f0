"""Checkpoints and proofs from stored hashes."""

import asyncio

import pytest

from services.audit.domain.errors import CheckpointNotFound, EntryNotFound
from tests.support.audit import LOG, OTHER_LOG, AuditOnPostgres
from tests.unit.merkle import naive_tree
from wardenry.log.tree import leaf_hash, verify_consistency, verify_inclusion

SIZES = [1, 2, 3, 7, 8, 64, 100, 255, 256, 257, 300]


async def grown(audit: AuditOnPostgres) -> list[bytes]:
    """A log that had each of the sizes; answers its leaf hashes."""
    size = 0
    for end in SIZES:
        events = [audit.event(personal=(), tags=None) for _ in range(end - size)]
        await audit.intake.take([audit.record(event) for event in events])
        size = end
    return [leaf_hash(leaf) for leaf in await audit.leaves()]


async def test_every_checkpoint_is_a_prefix_of_the_newest(audit: AuditOnPostgres) -> None:
    hashes = await grown(audit)
    newest = audit.opened((await audit.proving.checkpoint(LOG)).note)
    assert newest.root == naive_tree.root(hashes)
    for size in SIZES:
        proof = await audit.proving.consistency(LOG, size, second_size=0)
        async with audit.units.begin([LOG]) as work:
            signed = await work.checkpoints.of_size(LOG, size)
        assert signed is not None
        first = audit.opened(signed.note)
        assert first.root == naive_tree.root(hashes[:size])
        verify_consistency(
            first_size=size,
            first_root=first.root,
            second_size=newest.size,
            second_root=newest.root,
            proof=proof.hashes,
        )


async def test_every_entry_is_proved_under_old_and_new_checkpoints(audit: AuditOnPostgres) -> None:
    hashes = await grown(audit)
    for index in (0, 1, 99, 255, 256, 299):
        for size in [0, *(size for size in SIZES if size > index)]:
            proof = await audit.proving.inclusion(LOG, index, size=size)
            checkpoint = audit.opened(proof.checkpoint.note)
            assert proof.leaf_hash == hashes[index]
            assert checkpoint.size == (size or 300)
            verify_inclusion(
                leaf=hashes[index], index=index, size=checkpoint.size, proof=proof.hashes, root=checkpoint.root
            )


async def test_what_was_not_signed_is_not_found(audit: AuditOnPostgres) -> None:
    await grown(audit)
    for index, size in ((300, 0), (1 << 40, 0), ((1 << 64) - 1, 0), (7, 7)):
        with pytest.raises(EntryNotFound):
            await audit.proving.inclusion(LOG, index, size=size)
    for size in (4, 1 << 32, 1 << 63, (1 << 64) - 1):
        with pytest.raises(CheckpointNotFound):
            await audit.proving.inclusion(LOG, 0, size=size)
    for first, second in ((301, 0), (9, 8), (1, 4), (1, 1000), (1 << 63, 0), (1, (1 << 64) - 1)):
        with pytest.raises(CheckpointNotFound):
            await audit.proving.consistency(LOG, first, second_size=second)


async def test_a_log_without_entries_has_an_empty_checkpoint(audit: AuditOnPostgres) -> None:
    await grown(audit)
    empty = audit.opened((await audit.proving.checkpoint(OTHER_LOG)).note)
    assert empty.size == 0
    assert empty.root == naive_tree.root([])
    with pytest.raises(EntryNotFound):
        await audit.proving.inclusion(OTHER_LOG, 0, size=0)


async def test_checkpoints_of_one_size_never_differ(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(3))
    notes = await asyncio.gather(*(audit.proving.checkpoint(LOG) for _ in range(8)))
    assert len({checkpoint.note for checkpoint in notes}) == 1


async def test_signers_race_and_one_checkpoint_stays(audit: AuditOnPostgres) -> None:
    for _ in range(5):
        event = audit.event(personal=(), tags=None)
        async with audit.units.begin([LOG]) as work:
            await audit.append.append(work, [audit.record(event)])
        await audit.segments.store()
        signed = await asyncio.gather(*(audit.checkpoints.sign([LOG]) for _ in range(6)))
        assert len({checkpoints[LOG].note for checkpoints in signed}) == 1
    rows = await audit.leaves()
    assert audit.opened(signed[0][LOG].note).size == len(rows)
