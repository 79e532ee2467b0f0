"""What is asked often looks at little, however many sessions a person has."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.db.context import Context
from services.session.store.grant import PostgresGrants
from services.session.store.introspection import PostgresJudge
from services.session.store.past import PostgresPast
from services.session.store.refresh import PostgresRefreshStore
from services.session.store.session import PostgresSessions
from services.session.store.subject_data import PostgresSubjectData
from tests.support.plans import NUMBERED, Question, excess, fill, numbered, pages
from tests.support.postgres import ServiceDatabases
from tests.support.tokens import access_token

PERSON, SESSION, GRANT, WORKSPACE = 1, 2, 3, 4
BATCH = 64
NOW = datetime.now(UTC)
#: Person 0 has 1,002 sessions, the 29,999 others have two each; each has a grant for a workspace and one for none.
FILL = (
    NUMBERED,
    "INSERT INTO subject SELECT numbered(1, n), 1, now() FROM generate_series(0, 29999) AS n",
    "INSERT INTO session (subject_id, session_id, subject_epoch, client_id, amr, acr, authenticated_at, audit_key_id,"
    " audit_key_version, audit_key, ip_address_sealed, user_agent_sealed, country, expires_at)"
    " SELECT numbered(1, CASE WHEN n < 60000 THEN n % 30000 ELSE 0 END), numbered(2, n), 1, 'browser', '{pwd}',"
    " 'aal1', now(), numbered(5, 0), 1, sha256('key'), 'address', 'agent', 'DE', now() + interval '1 day'"
    " FROM generate_series(0, 60999) AS n",
    "INSERT INTO session_grant (subject_id, grant_id, session_id, client_id, audience, workspace_id, role,"
    " membership_epoch, membership_checked_at, audit_key_id, audit_key_version, audit_key, device_binding, seed,"
    " key_version, idle_seconds, expires_at)"
    " SELECT subject_id, numbered(3, row_number() OVER (ORDER BY session_id, n) - 1), session_id, 'browser',"
    " 'gateway', CASE n WHEN 0 THEN numbered(4, 0) END, CASE n WHEN 0 THEN 'member' ELSE '' END, 1,"
    " CASE n WHEN 0 THEN now() END, numbered(5, 0), 1, sha256('key'), sha256('device'), sha256('seed'), 1, 100000,"
    " expires_at FROM session, generate_series(0, 1) AS n",
    "INSERT INTO revocation (subject_id, revocation_id, session_id) SELECT numbered(1, n), numbered(2, n),"
    " numbered(2, n) FROM generate_series(0, 29999) AS n",
)


async def rotate(tx: Any, keys: Sequence[tuple[UUID, UUID]]) -> None:
    number = len(keys)
    rows = await tx.fetch(
        "SELECT entry FROM rotate_grants($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        [subject for subject, _ in keys],
        [grant for _, grant in keys],
        [False] * number,
        [0] * number,
        [0] * number,
        1,
        timedelta(seconds=10),
        ["member"] * number,
        [1] * number,
        [NOW] * number,
        [numbered(6, n) for n in range(number)],
        [numbered(WORKSPACE, 0)] * number,
        ["token.refreshed"] * number,
        [NOW] * number,
        [None] * number,
        [b"envelope"] * number,
    )
    assert len(rows) == number


async def judge(tx: Any, keys: Sequence[tuple[UUID, UUID]]) -> None:
    tokens = [access_token(subject=subject, session=session, subject_epoch=1) for subject, session in keys]
    assert all(await PostgresJudge(database=tx).live(tokens))


def of_one() -> dict[str, Question]:
    """What is asked of the person with many sessions, and how many pages it may look at."""
    person, session = numbered(PERSON, 0), numbered(SESSION, 60_500)
    own = Context(subjects=frozenset({person}))

    def sessions(tx: Any) -> PostgresSessions:
        return PostgresSessions(tx=tx, subject=person)

    return {
        "a session": Question(own, lambda tx: sessions(tx).lock(session), 15),
        "its holder": Question(own, lambda tx: sessions(tx).holder(session, numbered(WORKSPACE, 0)), 20),
        # All grants of the person are looked through once, in their order.
        "its end": Question(own, lambda tx: sessions(tx).end([session], but=None, reason="logout"), 300),
        "sessions": Question(own, lambda tx: sessions(tx).page(before=None, size=51), 800),
        "sessions further on": Question(own, lambda tx: sessions(tx).page(before=session, size=51), 800),
        "the end of a grant": Question(
            own, lambda tx: PostgresGrants(tx=tx, subject=person).end(numbered(GRANT, 121_000)), 40
        ),
        "all data": Question(own, lambda tx: PostgresSubjectData(tx=tx, subject=person).all(), 12_000),
    }


def of_batches(people: str, keys: Sequence[tuple[UUID, UUID, UUID]]) -> dict[str, Question]:
    """What is asked for each of these persons, sessions and grants, and how many pages it may look at."""
    found = [(subject, grant) for subject, _, grant in keys]
    lived = [(subject, session) for subject, session, _ in keys]
    return {
        f"judged tokens of {people}": Question(Context(), lambda tx: judge(tx, lived), 8 * BATCH),
        f"grants of {people}": Question(
            Context(), lambda tx: PostgresRefreshStore(database=tx).find(found), 12 * BATCH
        ),
        f"refreshes of {people}": Question(Context(), lambda tx: rotate(tx, found), 40 * BATCH),
    }


OF_JOBS = {
    "sessions that are over": Question(Context(), lambda tx: PostgresPast(database=tx).forget_sessions(), 20),
    "old revocations": Question(
        Context(), lambda tx: PostgresPast(database=tx).forget_revocations(older_seconds=660), 20
    ),
}


async def test_what_is_asked_often_looks_at_little(service_database: ServiceDatabases) -> None:
    database = service_database("session")
    await fill(database.administrator, FILL)
    many = [(numbered(PERSON, n), numbered(SESSION, n), numbered(GRANT, 2 * n)) for n in range(BATCH)]
    one = [(numbered(PERSON, 0), numbered(SESSION, 60_000 + n), numbered(GRANT, 120_000 + 2 * n)) for n in range(BATCH)]
    asked = of_one() | of_batches("many people", many) | of_batches("one person", one)
    assert await excess(database.runtime, asked, measure=pages) == []
    assert await excess(database.jobs, OF_JOBS, measure=pages) == []
