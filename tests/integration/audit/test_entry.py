"""Reading the log: pages, filters, values that open and values that are gone."""

import pytest

from libs.events.event import Outcome, SearchTags, Target
from services.audit.domain.errors import KeysUnavailable, PageTokenInvalid
from tests.support.audit import ALICE, BOB, LOG, OTHER_LOG, AuditOnPostgres
from wardenry.log.filter import EntryFilter

EVERYTHING = EntryFilter()


async def indexes(audit: AuditOnPostgres, wanted: EntryFilter, *, size: int = 200) -> list[int]:
    """All pages, by their indexes."""
    found: list[int] = []
    token = ""
    while True:
        page = await audit.listing.list(LOG, wanted, size=size, page=token)
        found += [entry.stored.index for entry in page.entries]
        token = page.next_page_token
        if not token:
            return found
        assert len(page.entries) == size


async def test_pages_show_each_entry_once_the_newest_first(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(10))
    for size in (1, 3, 5, 10, 11):
        assert await indexes(audit, EVERYTHING, size=size) == list(range(9, -1, -1))


async def test_a_page_goes_on_where_it_was_while_the_log_grows(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(4))
    first = await audit.listing.list(LOG, EVERYTHING, size=2, page="")
    await audit.intake.take(audit.records(3))
    second = await audit.listing.list(LOG, EVERYTHING, size=2, page=first.next_page_token)
    assert [entry.stored.index for entry in second.entries] == [1, 0]


async def test_filters_show_what_matches_and_nothing_else(audit: AuditOnPostgres) -> None:
    events = [
        audit.event(),
        audit.event(actor=BOB, action="user.invited", target=Target(kind="invitation", id=ALICE)),
        audit.event(action="member.removed", outcome=Outcome.FAILURE),
        audit.event(actor=BOB),
        audit.event(action="settings.changed", target=Target(kind="workspace", id=LOG)),
    ]
    await audit.intake.take([audit.record(event) for event in events])
    cases: list[tuple[EntryFilter, list[int]]] = [
        (EVERYTHING, [4, 3, 2, 1, 0]),
        (EntryFilter(actions=("user.invited",)), [1]),
        (EntryFilter(actions=("user.invited", "member.removed")), [2, 1]),
        (EntryFilter(actions=("user.logout",)), []),
        (EntryFilter(outcome="failure"), [2]),
        (EntryFilter(outcome="success"), [4, 3, 1, 0]),
        (EntryFilter(subject=ALICE), [4, 2, 0]),
        (EntryFilter(subject=BOB), [3, 2, 1, 0]),
        (EntryFilter(subject=LOG), []),
        (EntryFilter(subject=BOB, actions=("user.role_changed",), outcome="success"), [3, 0]),
    ]
    for wanted, expected in cases:
        for size in (1, 2, 200):
            assert await indexes(audit, wanted, size=size) == expected, wanted


async def test_times_bound_what_is_shown(audit: AuditOnPostgres) -> None:
    records = audit.records(5)
    await audit.intake.take(records)
    times = [record.occurred_at for record in records]
    assert await indexes(audit, EntryFilter(occurred_from=times[3])) == [4, 3]
    assert await indexes(audit, EntryFilter(occurred_before=times[3])) == [2, 1, 0]
    assert await indexes(audit, EntryFilter(occurred_from=times[1], occurred_before=times[3])) == [2, 1]


async def test_values_open_and_those_of_a_destroyed_key_are_erased(audit: AuditOnPostgres) -> None:
    await audit.intake.take([audit.record(audit.event(actor=ALICE)), audit.record(audit.event(actor=BOB))])
    page = await audit.listing.list(LOG, EVERYTHING, size=2, page="")
    assert {key: value.value for key, value in page.entries[1].values.items()} == {
        ("actor", "device_fingerprint"): "d1",
        ("actor", "ip_address"): "203.0.113.7",
        ("actor", "user_agent"): '=HYPERLINK("x")',
        ("target", "name"): "Bob Ω",
    }
    assert page.entries[1].stored.country == "DE"
    audit.vault.destroy(ALICE)
    page = await audit.listing.list(LOG, EVERYTHING, size=2, page="")
    assert set(page.entries[1].values) == {("target", "name")}
    assert set(page.entries[1].leaf.commitments) > {("actor", "ip_address")}
    assert len(page.entries[0].values) == 4


async def test_an_event_without_values_is_shown(audit: AuditOnPostgres) -> None:
    event = audit.event(personal=(), tags=SearchTags(), target=None, details={})
    await audit.intake.take([audit.record(event)])
    (entry,) = (await audit.listing.list(LOG, EVERYTHING, size=0, page="")).entries
    assert entry.values == {}
    assert entry.stored.country == ""


async def test_a_vault_that_is_down_is_no_erasure(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(1))
    audit.vault.down = True
    with pytest.raises(KeysUnavailable):
        await audit.listing.list(LOG, EVERYTHING, size=1, page="")


async def test_a_page_token_is_good_for_its_list_alone(audit: AuditOnPostgres) -> None:
    await audit.intake.take([*audit.records(3), *audit.records(3, log=OTHER_LOG)])
    token = (await audit.listing.list(LOG, EVERYTHING, size=1, page="")).next_page_token
    with pytest.raises(PageTokenInvalid):
        await audit.listing.list(OTHER_LOG, EVERYTHING, size=1, page=token)
    with pytest.raises(PageTokenInvalid):
        await audit.listing.list(LOG, EntryFilter(outcome="success"), size=1, page=token)
    for rubbish in ("x", "AAAA", token[:-4], token + "AAAA", "ü"):
        with pytest.raises(PageTokenInvalid):
            await audit.listing.list(LOG, EVERYTHING, size=1, page=rubbish)
