"""Names, identifiers, links, page tokens."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest

from libs.ids import PLATFORM
from services.tenancy.commands.backlog import invitation_link
from services.tenancy.domain.errors import IdInvalid, NameInvalid, PageTokenInvalid
from services.tenancy.domain.workspace import checked_id, checked_name
from services.tenancy.server.page import position_of, token_of

ID = UUID("0192f0c0-0000-7000-8000-000000000001")
NOW = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)


def test_a_name_is_trimmed_and_composed() -> None:
    assert checked_name("  Cafe\u0301 ") == "Caf\u00e9"


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "a\u2028b", "\ufeff"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(NameInvalid) as refusal:
        checked_name(name)
    assert refusal.value.violations[0].field == "name"


@pytest.mark.parametrize("identifier", [PLATFORM, UUID(int=0), UUID("0192f0c0-0000-4000-8000-000000000001")])
def test_an_identifier_is_a_version_7_of_the_callers_own(identifier: UUID) -> None:
    assert checked_id(ID) == ID
    with pytest.raises(IdInvalid):
        checked_id(identifier)


def test_the_secret_is_in_the_links_fragment() -> None:
    link = invitation_link("https://id.example.com", ID, bytes(range(32)))
    before, _, fragment = link.partition("#")
    assert before == f"https://id.example.com/invitations/{ID}"
    assert base64.urlsafe_b64decode(fragment + "=") == bytes(range(32))


def test_a_page_token_leads_back_to_its_place() -> None:
    assert position_of("members", "") is None
    assert position_of("members", token_of("members", ID)) == (ID, None)
    assert position_of("invitations", token_of("invitations", ID, NOW)) == (ID, NOW)


@pytest.mark.parametrize("token", ["x", "!!!!", "AAAA", token_of("workspaces", ID), token_of("members", ID) + "AAAA"])
def test_a_page_token_of_another_list_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        position_of("members", token)
