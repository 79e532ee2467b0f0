"""What is asked often looks at little, however many keys a workspace has: the platform has one for every person."""

from collections.abc import Sequence
from datetime import UTC, datetime

from libs.crypto.key_owner import InvitationOwner, KeyOwner, KeyReference, SubjectOwner
from libs.db.context import Context
from libs.ids import PLATFORM
from services.identity.store.mail import PostgresMailQueue
from services.identity.store.subject_data import PostgresSubjectData
from services.identity.store.vault import PostgresVault
from tests.support.plans import NUMBERED, Question, excess, fill, numbered, pages
from tests.support.postgres import ServiceDatabases

WORKSPACE, PERSON, KEY = 1, 2, 3
NOW = datetime.now(UTC)
#: 50,000 keys of people on the platform, 40,000 in a thousand workspaces, of invitations as many.
KEYS = (
    NUMBERED,
    "INSERT INTO workspace_key SELECT numbered(1, n), 1, 'wrapped', now(), NULL FROM generate_series(0, 999) AS n",
    f"INSERT INTO workspace_key VALUES ('{PLATFORM}', 1, 'wrapped', now(), NULL)",
    "INSERT INTO data_subject SELECT numbered(2, n), NULL FROM generate_series(0, 49999) AS n",
    "INSERT INTO data_key (workspace_id, data_key_id, kind, owner_id, version, wrapped, created_at)"
    f" SELECT '{PLATFORM}', numbered(3, n), 'subject', numbered(2, n), 1, 'wrapped', now()"
    " FROM generate_series(0, 49999) AS n",
    "INSERT INTO data_key (workspace_id, data_key_id, kind, owner_id, version, wrapped, created_at)"
    " SELECT numbered(1, n % 1000), numbered(3, 100000 + n), 'subject', numbered(2, n), 1, 'wrapped', now()"
    " FROM generate_series(0, 39999) AS n",
    "INSERT INTO data_key (workspace_id, data_key_id, kind, owner_id, version, wrapped, created_at)"
    " SELECT numbered(1, n % 1000), numbered(3, 200000 + n), 'invitation', numbered(5, n), 1, 'wrapped', now()"
    " FROM generate_series(0, 39999) AS n",
)
PEOPLE = (
    NUMBERED,
    "INSERT INTO address SELECT numbered(2, n), numbered(4, n), 'address', now() FROM generate_series(0, 49999) AS n",
    "INSERT INTO address_claim SELECT sha256(int8send(n)), numbered(2, n), numbered(4, n)"
    " FROM generate_series(0, 49999) AS n",
    "INSERT INTO outgoing_mail SELECT numbered(6, n), 'content', numbered(3, n), 1, now() + interval '1 hour', 0,"
    " now() + interval '10 minutes' FROM generate_series(0, 19999) AS n",
)


def of_the_vault() -> dict[str, Question]:
    """What is asked, and how many pages it may look at: some of every index down to a row, and the row's."""
    together = [SubjectOwner(subject=numbered(PERSON, n), workspace=PLATFORM) for n in range(200)]
    apart = [SubjectOwner(subject=numbered(PERSON, n), workspace=numbered(WORKSPACE, n)) for n in range(200)]
    invitation, workspace = numbered(5, 7), numbered(WORKSPACE, 7)

    def find(owners: Sequence[KeyOwner], *, most: int) -> Question:
        return Question(Context(), lambda tx: PostgresVault(database=tx).find(owners), most)

    def refer(first: int, *, most: int) -> Question:
        references = [KeyReference(key_id=numbered(KEY, first + n), version=1) for n in range(500)]
        return Question(Context(), lambda tx: PostgresVault(database=tx).find_references(references), most)

    return {
        "one person's key": find(together[:1], most=30),
        "keys of people": find(together, most=1_200),
        "keys in many workspaces": find(apart, most=1_200),
        "an invitation's key": find([InvitationOwner(invitation=invitation, workspace=workspace)], most=30),
        "keys by reference": refer(0, most=2_500),
        "keys of many workspaces by reference": refer(100_000, most=2_500),
        "an adoption": Question(
            Context(),
            lambda tx: PostgresVault(database=tx).adopt(
                invitation_id=invitation, workspace_id=workspace, subject_id=numbered(PERSON, 7), now=NOW
            ),
            150,
        ),
        "a person's end": Question(
            Context(),
            lambda tx: PostgresVault(database=tx).destroy_subject(numbered(PERSON, 9), workspace_id=None, now=NOW),
            250,
        ),
    }


OF_PEOPLE = {
    "a person's end": Question(
        Context(subjects=frozenset({numbered(PERSON, 7)})),
        lambda tx: PostgresSubjectData(tx).remove(numbered(PERSON, 7)),
        60,
    )
}
OF_JOBS = {
    "mail that is due": Question(Context(), lambda tx: PostgresMailQueue(database=tx).take(now=NOW, most=20), 30),
}


async def test_what_is_asked_of_the_vault_looks_at_little(service_database: ServiceDatabases) -> None:
    database = service_database("vault")
    await fill(database.administrator, KEYS)
    assert await excess(database.runtime, of_the_vault(), measure=pages) == []


async def test_what_is_asked_of_people_looks_at_little(service_database: ServiceDatabases) -> None:
    database = service_database("identity")
    await fill(database.administrator, PEOPLE)
    assert await excess(database.runtime, OF_PEOPLE, measure=pages) == []
    assert await excess(database.jobs, OF_JOBS, measure=pages) == []
